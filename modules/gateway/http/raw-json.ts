/** Whether a value that begins so may be plain JSON text. */
export const startsJson = (first: string | undefined): boolean => first === "{" || first === "[";

/**
 * Where the JSON object or array that begins at `start` ends, if plain JSON text stands there and is followed by the
 * end of the form or by `&`. A correctly encoded form never has a bare `{` or `[`, so nothing else is mistaken for it.
 */
export function jsonTextEnd(text: string, start: number): number | undefined {
  const closed = closingBracket(text, start);
  if (closed === undefined) return undefined;
  const end = skipLineEnd(text, closed + 1);
  if (end < text.length && text[end] !== "&") return undefined;
  return isJson(text.slice(start, closed + 1)) ? end : undefined;
}

function closingBracket(text: string, start: number): number | undefined {
  let depth = 0;
  for (let position = start; position < text.length; position++) {
    const character = text[position];
    if (character === '"') {
      const quote = closingQuote(text, position);
      if (quote === undefined) return undefined;
      position = quote;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) return position;
    }
  }
  return undefined;
}

function closingQuote(text: string, start: number): number | undefined {
  for (let position = start + 1; position < text.length; position++) {
    if (text[position] === "\\") position++;
    else if (text[position] === '"') return position;
  }
  return undefined;
}

// Some clients count a trailing line end into their body.
function skipLineEnd(text: string, start: number): number {
  let position = start;
  while (text[position] === "\r" || text[position] === "\n" || text[position] === " ") position++;
  return position;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
