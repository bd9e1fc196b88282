// What is a valid name in a certificate, and how is an identity spelled in one? The identity is a URI among the
// subject's alternative names, and the only thing that Graft believes of a certificate; the common name is for people.
import { isIP } from "node:net";
import { isHost } from "../../core/address.ts";
import { isName, nameRule } from "../../core/name.ts";
import { GraftError } from "../../errors.ts";

/** Always good for a node on the same machine, whatever address it is known by elsewhere. */
const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "::1"] as const;

export const authorityUri = (cluster: string): string => `graft://${cluster}/ca`;
export const nodeUri = (cluster: string, id: string): string => `graft://${cluster}/node/${id}`;
export const clientUri = (cluster: string, name: string): string => `graft://${cluster}/client/${name}`;

/** Throws `GraftError("usage")` unless `name` may name a cluster, a node or a client. */
export function checkName(what: "cluster" | "node" | "client", name: string): void {
  if (isName(name)) return;
  throw new GraftError("usage", `${JSON.stringify(name)} cannot name a ${what}: use ${nameRule}`);
}

/** A name or an address that a certificate vouches for. */
export type HostName =
  { readonly type: "dns"; readonly value: string } | { readonly type: "ip"; readonly value: string };

/** Loopback and the given hosts, each once. Takes `host`, `host:port` and `[::1]:port`. */
export function hostNames(hosts: readonly string[]): readonly HostName[] {
  const distinct = new Set<string>([...LOOPBACK_HOSTS, ...hosts.map(withoutPort)]);
  return [...distinct].map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
}

function withoutPort(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  const bare = bracketed?.[1] ?? (isIP(host) === 6 ? host : host.replace(/:\d+$/, ""));
  if (isHost(bare)) return bare.toLowerCase();
  throw new GraftError("usage", `${JSON.stringify(host)} is not a host name or an IP address`);
}
