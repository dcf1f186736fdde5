import type { Role } from "./usecases/ports.ts";

/** Whose token may do what an endpoint asks for: each role also has what the one before it has, `platform` stands apart. */
const holders: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ["viewer", "operator", "publisher", "admin"],
  operator: ["operator", "publisher", "admin"],
  publisher: ["publisher", "admin"],
  platform: ["platform", "admin"],
  admin: ["admin"],
};

/** Whether a token of this role may call what needs that one. */
export function roleAllows(role: string, needed: string): boolean {
  const allowed: readonly string[] = Object.hasOwn(holders, needed) ? holders[needed as Role] : [];
  return allowed.includes(role);
}
