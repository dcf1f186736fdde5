import { BlockList, isIP } from "node:net";

/** Networks that are not the open internet: this machine, private ones, those between, and what is reserved. */
const notPublic4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;

const blocked = new BlockList();
for (const [net, prefix] of notPublic4) blocked.addSubnet(net, prefix, "ipv4");

// Of IPv6 only the global unicast space is public, and of that not what wraps an IPv4 address or is documentation.
const publicV6 = new BlockList();
publicV6.addSubnet("2000::", 3, "ipv6");
const blockedV6 = new BlockList();
for (const [net, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  blockedV6.addSubnet(net, prefix, "ipv6");
}

/** Whether an address (no name) is one of the open internet. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !blocked.check(address, "ipv4");
  return version === 6 && publicV6.check(address, "ipv6") && !blockedV6.check(address, "ipv6");
}

/** Why an address may not be called, as far as its text tells; names are looked up when it is called. */
export function makeTargetCheck({ allowPrivateTargets }: { readonly allowPrivateTargets: boolean }) {
  return ({ protocol, hostname }: URL): string | undefined => {
    if (allowPrivateTargets) return undefined;
    if (protocol !== "https:") return "must be https: here (OTAU_ALLOW_PRIVATE_TARGETS admits http:)";
    const host = hostname.replace(/^\[|\]$/g, "");
    const isInner = isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : !isPublicAddress(host);
    return isInner
      ? "must not lead to a private address (OTAU_ALLOW_PRIVATE_TARGETS admits them)"
      : undefined;
  };
}
