// Why could a connection not be made? Bun 1.4.5 reports each failure of the system's `connect` and `socket` as ECONNREFUSED: a lost
// route and a lack of descriptors as well. But a refusal counts as evidence that a peer's process has ended, and an operator acts on
// the reason. So a reported refusal is checked: the system answers a UDP socket truly, and sends nothing for it.
import { isIPv6 } from "node:net";
import { codeOf, explainConnect, type LinkEnd } from "./tls-words.ts";

export interface FailedConnect {
  readonly error: unknown;
  readonly host: string;
  readonly port: number;
  readonly elapsedMs: number;
}

/** Whether the system would send anything there. Rejects with the system's error. */
export type Probe = (host: string, port: number) => Promise<void>;

/** A host that is gone is found out by the system after a second or more. One that refuses says so within a round trip. */
const promptMs = 900;

/** What says that nobody has refused anything. Other errors of the probe are its own. */
const conclusive = ["EMFILE", "ENFILE", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"];

/** Never rejects. */
export async function whyNotConnected(
  { error, host, port, elapsedMs }: FailedConnect,
  probe: Probe = probeByUdp,
): Promise<LinkEnd> {
  const reported = explainConnect(error);
  if (reported.kind !== "vacant") return reported;
  if (elapsedMs > promptMs) return { kind: "unreachable", reason: "no answer: the host cannot be reached" };
  const found = await probe(host, port).then(
    () => null,
    (problem: unknown) => problem,
  );
  return conclusive.includes(codeOf(found)) ? explainConnect(found) : reported;
}

async function probeByUdp(host: string, port: number): Promise<void> {
  const from = isIPv6(host) ? "::" : "0.0.0.0";
  const socket = await Bun.udpSocket({ hostname: from, connect: { hostname: host, port } });
  socket.close();
}
