import type { Actor } from "../otau/vocabulary.ts";

/** For whom a service acts: the product whose devices and content it means, and who is named in the records. */
export type ScriptScope = { readonly productId: string; readonly actor: Actor };
