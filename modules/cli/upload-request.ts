import type { RequestExtras } from "./api-client.ts";

/** The server reads tags of up to 8 KiB from the query; larger ones travel in the body. */
const queryTagsMaxBytes = 8192;
/** Some servers and proxies refuse request lines beyond this, and encoding makes tags longer. */
const encodedTagsMaxChars = 8000;

/** The request that uploads bytes with tags: in the query while they fit, else in parts. */
export function uploadRequest(
  tags: Readonly<Record<string, string>>,
  bytes: Blob,
  contentType: string,
  name: string,
): RequestExtras {
  const json = JSON.stringify(tags);
  const fits =
    Buffer.byteLength(json) <= queryTagsMaxBytes && encodeURIComponent(json).length <= encodedTagsMaxChars;
  if (fits) return { query: { tags: json }, bytes, contentType };
  const form = new FormData();
  // The server streams the file on, so it has to know the tags first.
  form.append("tags", json);
  form.append("file", bytes.type === contentType ? bytes : new Blob([bytes], { type: contentType }), name);
  return { bytes: form };
}
