// The server's own rules, run here while one types: the server judges again, with its settings.
import { z } from "zod";
import { type OtauInfoReading, readOtauInfo } from "../../../../modules/otau/package.ts";

// The page's policy forbids code made from text, which zod would try for speed.
z.config({ jitless: true });

/** Reads a tag `otau_info`: the exact `config_otau` in it, or all that is wrong. */
export const checkOtauInfo = (text: string): OtauInfoReading =>
  readOtauInfo(text, { allowHttpPayload: true, extraTypes: [] });
