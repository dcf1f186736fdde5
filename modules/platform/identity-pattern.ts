import { createContext, Script } from "node:vm";
import { OtauError } from "../errors.ts";

const patternCharactersMax = 256;
/** What all identities of one call may take together; an honest pattern needs a tenth of it for thousands. */
const budgetMs = 100;

/** Finds out which identities a pattern fits. */
export type IdentityPattern = {
  /** Letters every fitting identity begins with; empty = not known. */
  readonly prefix: string;
  /** The identities that fit, in order. INVALID_INPUT when the pattern takes too long. */
  readonly filter: (identities: readonly string[]) => readonly string[];
};

// Compiled and run apart, as only there a pattern that backtracks for ever can be stopped.
const script = new Script(
  "(() => { const pattern = new RegExp(source); return texts.map((text) => pattern.test(text)); })()",
);

/** A regular expression over identities, not anchored (Murano listIdentities). INVALID_INPUT when it is none. */
export function readIdentityPattern(source: string): IdentityPattern {
  if (source.length > patternCharactersMax) {
    throw refused(`has ${source.length} characters; at most ${patternCharactersMax} are taken`);
  }
  test(source, [], budgetMs);
  let leftMs = budgetMs;
  return {
    prefix: literalPrefix(source),
    filter: (identities) => {
      const beganMs = performance.now();
      const fits = test(source, identities, Math.max(1, Math.ceil(leftMs)));
      leftMs -= performance.now() - beganMs;
      return identities.filter((_, at) => fits[at]);
    },
  };
}

function test(source: string, texts: readonly string[], timeout: number): readonly boolean[] {
  try {
    const context = createContext({ source, texts: [...texts] });
    return Array.from(script.runInContext(context, { timeout }) as Iterable<unknown>, Boolean);
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message?: string };
    if (code === "ERR_SCRIPT_EXECUTION_TIMEOUT")
      throw refused("takes too long; take nested repetitions out of it");
    throw refused(message ?? "is no regular expression");
  }
}

/** `^gw-[0-9]+` begins with `gw-`: such a walk reads those devices only. */
function literalPrefix(source: string): string {
  if (source.includes("|")) return "";
  const literal = /^\^([A-Za-z0-9_:@-]+)(.?)/.exec(source);
  const [, letters = "", next = ""] = literal ?? [];
  return /[*?{]/.test(next) ? letters.slice(0, -1) : letters;
}

function refused(why: string): OtauError {
  return new OtauError("INVALID_INPUT", `The pattern of identities ${why}.`, {
    errors: [{ path: "identity", message: why }],
  });
}
