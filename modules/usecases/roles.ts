import type { Role } from "./ports.ts";

/** What each role may do: the roles it stands in for. */
const mayActAs: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ["viewer"],
  operator: ["viewer", "operator"],
  publisher: ["viewer", "operator", "publisher"],
  platform: ["platform"],
  admin: ["viewer", "operator", "publisher", "platform", "admin"],
};

/** Whether a caller of `role` may do what asks for `needed`. A role that is not in the list may do nothing. */
export const roleAllows = (role: string, needed: string): boolean =>
  Object.hasOwn(mayActAs, role) && (mayActAs[role as Role] as readonly string[]).includes(needed);
