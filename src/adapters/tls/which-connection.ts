// Of two connections with the same node, which one stays? Pure, and decided alike on both sides.
//
// Both nodes may dial at the same moment. Then the connection dialled by the smaller id stays, on whichever side the two
// become known first. The accepting side of the other one closes it, once it has seen the staying one established, so that
// neither side is ever without.
//
// A connection of the same process that is not simultaneous (the one that stands is older than any handshake may take)
// means that the other side has lost the one that stands: the newer one replaces it.
//
// Another boot id under a live connection is a second process with the same identity, and is refused. A restarted node is
// let in as soon as the connection of its former process has ended: at once when the system closes it, otherwise (power
// cut, network gone) once it has been silent for `silenceMs`, since nodes that live send a sign of life on idle links.
import type { NodeId } from "../../core/configuration.ts";

export interface Known {
  readonly bootId: string;
  readonly incarnation: string;
  readonly dialler: NodeId;
}

export type Verdict = "replace" | "surplus" | "duplicate";

export interface Rivals {
  readonly standing: Known & { readonly ageMs: number };
  readonly candidate: Known;
  /** The two ends: ours and theirs. */
  readonly ids: readonly [NodeId, NodeId];
  readonly handshakeTimeoutMs: number;
}

export function whichConnection({ standing, candidate, ids, handshakeTimeoutMs }: Rivals): Verdict {
  if (standing.bootId !== candidate.bootId || standing.incarnation !== candidate.incarnation) return "duplicate";
  const [a, b] = ids;
  const preferred = a < b ? a : b;
  if (candidate.dialler === preferred || candidate.dialler === standing.dialler) return "replace";
  return standing.ageMs > handshakeTimeoutMs ? "replace" : "surplus";
}
