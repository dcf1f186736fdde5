import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decodeCursor, encodeCursor } from "../../modules/runtime/pagination.ts";

const position = z.strictObject({ after: z.string() });
const filters = { state: ["sent"], q: undefined, productId: "acme", limit: 50, cursor: undefined };

describe("a cursor", () => {
  it("gives back its position under the same filters, whatever their order and the limit", () => {
    const cursor = encodeCursor({ after: "gw-1" }, filters);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    const same = { productId: "acme", state: ["sent"], limit: 10, cursor };
    expect(decodeCursor(cursor, same, position)).toEqual({ after: "gw-1" });
    expect(decodeCursor(undefined, same, position)).toBeUndefined();
  });

  it("is refused under other filters", () => {
    const cursor = encodeCursor({ after: "gw-1" }, filters);
    for (const other of [
      { ...filters, state: ["failed"] },
      { ...filters, productId: "b" },
      { ...filters, x: 1 },
    ]) {
      expect(() => decodeCursor(cursor, other, position)).toThrow(
        expect.objectContaining({ code: "CURSOR_INVALID", status: 400 }),
      );
    }
  });

  it("is refused when cut, made up or of another shape", () => {
    const cursor = encodeCursor({ after: "gw-1" }, filters);
    const foreign = encodeCursor({ before: 1 }, filters);
    for (const bad of [
      "",
      "x",
      cursor.slice(0, -4),
      foreign,
      "%%%",
      Buffer.from("null").toString("base64url"),
    ]) {
      expect(() => decodeCursor(bad, filters, position)).toThrow(
        expect.objectContaining({ code: "CURSOR_INVALID" }),
      );
    }
  });
});
