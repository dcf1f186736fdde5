import { PassThrough, Readable } from "node:stream";
import busboy from "busboy";
import { OtauError } from "../errors.ts";
import { invalidInput } from "./problem.ts";

/** A tag or other text beside a file is at most this long. */
const fieldMaxBytes = 1024 * 1024;
const fieldsMax = 20;

/** Bytes that come with a request, whichever way they were sent. */
export type Upload = {
  /** Text parts that stood before the file. */
  readonly fields: ReadonlyMap<string, string>;
  /** Media type of the bytes as the caller named it. */
  readonly type: string | undefined;
  /** Ends when the whole request was read and found right; fails with the refusal otherwise. */
  readonly bytes: Readable;
};

const isForm = (contentType: string | undefined): contentType is string =>
  contentType !== undefined && /^\s*multipart\/form-data\b/i.test(contentType);

/**
 * A raw body as it is, or a form with text parts of the named fields and then a part `file`, streamed: what comes
 * after the file is refused, as it would be too late to heed it. INVALID_INPUT for a form that is broken.
 */
export function receiveUpload(
  body: Readable,
  contentType: string | undefined,
  fieldNames: readonly string[],
): Promise<Upload> {
  if (!isForm(contentType)) return Promise.resolve({ fields: new Map(), type: contentType, bytes: body });
  return new Promise((resolve, reject) => {
    const form = makeParser(contentType);
    const fields = new Map<string, string>();
    const bytes = new PassThrough();
    let hasFile = false;

    const refuse = (error: unknown) => {
      const refusal = error instanceof OtauError ? error : invalidInput("", "is not a valid form");
      reject(refusal);
      body.unpipe(form);
      // Read off and dropped, so that the caller gets to see the answer.
      body.resume();
      bytes.destroy(refusal);
    };
    form.on("field", (name, value, { valueTruncated }) => {
      if (hasFile) return refuse(invalidInput(name, "must stand before the file"));
      if (!fieldNames.includes(name)) return refuse(invalidInput(name, "is not a known part"));
      if (fields.has(name)) return refuse(invalidInput(name, "may be given only once"));
      if (valueTruncated) {
        return refuse(new OtauError("TOO_LARGE", `The part ${name} has more than ${fieldMaxBytes} bytes.`));
      }
      fields.set(name, value);
    });
    form.on("file", (name, file, { mimeType }) => {
      // A part that ends early fails with the form, which says so itself.
      file.on("error", () => undefined);
      if (name !== "file" || hasFile) {
        file.resume();
        return refuse(invalidInput(name, hasFile ? "comes after the file" : "is not a known part"));
      }
      hasFile = true;
      file.pipe(bytes, { end: false });
      resolve({ fields, type: mimeType, bytes });
    });
    form.on("fieldsLimit", () => refuse(invalidInput("", `has more than ${fieldsMax} parts`)));
    form.on("error", refuse);
    form.on("close", () => {
      bytes.end();
      resolve({ fields, type: undefined, bytes: hasFile ? bytes : Readable.from([]) });
    });
    // Until a reader takes the bytes, their failure has been told by the rejection.
    bytes.on("error", () => undefined);
    body.on("error", refuse);
    body.pipe(form);
  });
}

function makeParser(contentType: string): busboy.Busboy {
  try {
    return busboy({
      headers: { "content-type": contentType },
      limits: { fieldSize: fieldMaxBytes, fields: fieldsMax, fieldNameSize: 100 },
    });
  } catch (cause) {
    throw new OtauError("INVALID_INPUT", "The form names no boundary in its Content-Type.", { cause });
  }
}
