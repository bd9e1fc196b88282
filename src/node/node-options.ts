// What is a node made of? Its settings, and the ports that connect it with the world.
import type { Millis } from "../core/log-position.ts";
import type { Settings } from "../core/settings.ts";
import type { Founding } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskSpace } from "../ports/disk-space.ts";
import type { FailStop } from "../ports/fail-stop.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { RenewableStateMachine } from "../ports/state-machine.ts";
import type { Transport } from "../ports/transport.ts";
import type { SpacePolicy } from "./disk-watch.ts";
import type { CertificateEnds } from "./own-problems.ts";
import type { SnapshotPolicy } from "./snapshot-taker.ts";

export interface NodeOptions {
  readonly id: string;
  /** `[cluster] id`. */
  readonly cluster: string;
  readonly settings: Settings;
  readonly snapshotPolicy: SnapshotPolicy;
  /** The copies of the state machine are compared at multiples of this index: the same on every node. */
  readonly compareEveryEntries: number;
  readonly space: SpacePolicy;
  /** From the end of one scrub to the next, ms; 0: never. */
  readonly scrubIntervalMs: Millis;
  /** `host:port` where others reach this node. */
  readonly address: string;
  /** The founders; null for a node that waits to be added. */
  readonly bootstrap: Founding["bootstrap"] | null;
  /** Addresses of the cluster that it waits to be added to; null for a founder. */
  readonly join: readonly string[] | null;
  /** Null: it has no certificate. */
  readonly certificateEnds: CertificateEnds | null;
  /** Graft's version. */
  readonly version: string;
}

export interface NodeModules {
  readonly store: LogStore;
  readonly snapshots: SnapshotStore;
  readonly disk: DiskSpace;
  readonly transport: Transport;
  readonly stateMachine: RenewableStateMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failStop: FailStop;
}
