// Why could a connection not be made? Bun 1.4.5 reports each failure of the system's `connect` and `socket` as ECONNREFUSED: a lost
// route and a lack of descriptors as well. But a refusal counts as evidence that a peer's process has ended, and an operator acts on
// the reason. So a reported refusal is checked: the system answers a UDP socket truly, and sends nothing for it.
import { lookup } from "node:dns/promises";
import { isIP, isIPv6 } from "node:net";
import { codeOf, explainConnect, type LinkEnd } from "./tls-words.ts";

export interface FailedConnect {
  readonly error: unknown;
  readonly host: string;
  readonly port: number;
  readonly elapsedMs: number;
}

export interface Check {
  /** The addresses of a name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** Whether the system would send anything there. Rejects with the system's error. Given a name, it would hold up the process. */
  readonly probe: (address: string, port: number) => Promise<void>;
}

const ofTheSystem: Check = {
  resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  async probe(address, port) {
    const from = isIPv6(address) ? "::" : "0.0.0.0";
    const socket = await Bun.udpSocket({ hostname: from, connect: { hostname: address, port } });
    socket.close();
  },
};

/** A host that is gone is found out by the system after a second or more. One that refuses says so within a round trip. */
const promptMs = 900;

/** For a name that cannot be resolved: a lack of descriptors shows at each address. */
const anyAddress = "127.0.0.1";

/** Errors that prove that this side could not try. Any other error concerns the check alone. */
const conclusive = ["EMFILE", "ENFILE", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"];

/** Never rejects. */
export async function whyNotConnected(
  { error, host, port, elapsedMs }: FailedConnect,
  check: Partial<Check> = {},
): Promise<LinkEnd> {
  const reported = explainConnect(error);
  if (reported.kind !== "vacant") return reported;
  if (elapsedMs > promptMs) return { kind: "unreachable", reason: "no answer: the host cannot be reached" };
  const { resolve, probe } = { ...ofTheSystem, ...check };
  const addresses = isIP(host) === 0 ? await resolve(host).catch(() => [anyAddress]) : [host];
  const found = await Promise.allSettled(addresses.map((address) => probe(address, port)));
  // Of a name's addresses, one that can be reached has refused.
  if (found.some(({ status }) => status === "fulfilled")) return reported;
  const problems = found.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
  const problem = problems.find((each) => conclusive.includes(codeOf(each)));
  return problem === undefined ? reported : { ...explainConnect(problem), kind: "unable" };
}
