// Which cluster does a client speak to, when several have one name? The one whose uuid it was given, or else that of the first node
// it reaches. A node of another cluster is refused: its answers must not be mixed in, and it must not acknowledge a command.
import { GraftError } from "../errors.ts";

/** A node that answered, and is of another cluster. */
export interface OtherCluster {
  readonly address: string;
  readonly clusterUuid: string;
}

export class WhichCluster {
  #uuid: string | null;
  readonly #others = new Map<string, string>();

  /** `uuid`: the only cluster to speak to; null: the first that is reached. */
  constructor(uuid: string | null) {
    this.#uuid = uuid;
  }

  /** Null: no node that belongs to a cluster has been reached. */
  get uuid(): string | null {
    return this.#uuid;
  }

  /** The nodes of other clusters that this client has reached. */
  get others(): readonly OtherCluster[] {
    return [...this.#others].map(([address, clusterUuid]) => ({ address, clusterUuid }));
  }

  /**
   * To be called with the cluster that the node at `address` says it belongs to; null: none yet. Returns why the client refuses the
   * node; null: it does not.
   */
  objectionTo(address: string, clusterUuid: string | null): GraftError | null {
    this.#uuid ??= clusterUuid;
    if (clusterUuid === null || clusterUuid === this.#uuid) {
      this.#others.delete(address);
      return null;
    }
    this.#others.set(address, clusterUuid);
    const message = `the node at ${address} belongs to another cluster of the same name (uuid ${clusterUuid}, not ${this.#uuid})`;
    return new GraftError("wrong-cluster", message);
  }
}
