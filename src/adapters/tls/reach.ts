// Can this node reach that one? By what is known already, or by a probe, which changes nothing on either side.
import type { NodeId } from "../../core/configuration.ts";
import type { Reach } from "../../ports/node-messages.ts";
import type { CrashWatch } from "./crash-watch.ts";
import type { Greeter } from "./greeter.ts";
import type { PeerTable } from "./peer-table.ts";

export interface Sight {
  readonly table: Pick<PeerTable, "has" | "identityOf">;
  readonly crashes: Pick<CrashWatch, "hasDialled" | "dialled">;
  readonly greeter: Pick<Greeter, "probe">;
}

/** See the port. */
export async function reach(id: NodeId, address: string, timeoutMs: number, sight: Sight): Promise<Reach> {
  const { table, crashes, greeter } = sight;
  const known = crashes.hasDialled(id, address) ? table.identityOf(id) : null;
  if (known !== null) return { kind: "reached", incarnation: known.incarnation, by: "dialled" };
  const found = await greeter.probe(id, address, timeoutMs);
  if (found.kind === "there") {
    crashes.dialled(found.identity, address);
    return { kind: "reached", incarnation: found.identity.incarnation, by: "dialled" };
  }
  const connected = table.identityOf(id);
  if (connected === null) return { kind: "unreachable", reason: found.reason };
  return { kind: "reached", incarnation: connected.incarnation, by: "accepted" };
}

/**
 * That nobody listens at a peer's address tells that its process has ended only where this node has reached that process
 * before. A connection which the peer has dialled is no proof of that, and so its address is tried once beside it.
 */
export async function makeSure(id: NodeId, address: string, timeoutMs: number, sight: Sight): Promise<void> {
  const { table, crashes, greeter } = sight;
  if (!table.has(id) || crashes.hasDialled(id, address)) return;
  const found = await greeter.probe(id, address, timeoutMs);
  if (found.kind === "there") crashes.dialled(found.identity, address);
}
