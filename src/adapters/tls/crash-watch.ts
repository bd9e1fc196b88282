// Has the process of a peer ended? There are two kinds of evidence: nobody listens any more at an address where this node had
// reached that very process; or another process of the same disk has introduced itself. A connection that broke is none, and
// neither is a host that gives no answer. Each process is reported once.
import type { NodeId } from "../../core/configuration.ts";
import type { PeerIdentity } from "../../ports/transport.ts";

interface Watched {
  readonly identity: PeerIdentity;
  /** Where this node has dialled this process and got its hello. */
  dialledAt: string | null;
  isReported: boolean;
}

export interface CrashWatchOptions {
  /** Told of the process that has ended. */
  readonly onCrashed: (peer: PeerIdentity) => void;
  /** From now on a refusal at this address would be evidence. */
  readonly onDialled: (id: NodeId, address: string) => void;
}

export class CrashWatch {
  readonly #options: CrashWatchOptions;
  readonly #byId = new Map<NodeId, Watched>();

  constructor(options: CrashWatchOptions) {
    this.#options = options;
  }

  /** A connection with this process stands, whoever dialled it: the one before it under this identity is gone. */
  connected(identity: PeerIdentity): void {
    const known = this.#byId.get(identity.id);
    const isSameDisk = known?.identity.incarnation === identity.incarnation;
    if (isSameDisk && known.identity.bootId === identity.bootId) {
      known.isReported = false;
      return;
    }
    this.#byId.set(identity.id, { identity, dialledAt: null, isReported: false });
    if (isSameDisk) this.#report(known);
  }

  /** This node has dialled the address and got the hello of this process. */
  dialled(identity: PeerIdentity, address: string): void {
    const known = this.#byId.get(identity.id);
    const { id, incarnation, bootId } = identity;
    if (known?.identity.incarnation !== incarnation || known.identity.bootId !== bootId) return;
    if (known.dialledAt !== address) this.#options.onDialled(id, address);
    known.dialledAt = address;
  }

  /** Whether a refusal at this address would be evidence. */
  hasDialled(id: NodeId, address: string): boolean {
    return this.#byId.get(id)?.dialledAt === address;
  }

  /** Nobody listens at the address, and there is no connection with the peer. */
  foundVacant(id: NodeId, address: string): void {
    const known = this.#byId.get(id);
    if (known?.dialledAt === address) this.#report(known);
  }

  #report(known: Watched): void {
    if (known.isReported) return;
    known.isReported = true;
    this.#options.onCrashed(known.identity);
  }
}
