// What the parts of one simulation share: the core under test, chance, time, and who watches.
import type { MemberKey, PlacedConfiguration } from "../../src/core/configuration.ts";
import type { nextDeadlineMs } from "../../src/core/deadline.ts";
import type { ChangeSettled, FollowerFault } from "../../src/core/effects.ts";
import type { sharedPosition } from "../../src/core/histories.ts";
import type { checkState, checkTransition } from "../../src/core/invariants.ts";
import type { restore } from "../../src/core/restore.ts";
import type { Founding } from "../../src/core/state.ts";
import type { SessionTable } from "../../src/core/sessions.ts";
import type { step } from "../../src/core/step.ts";
import type { Chance } from "../../src/sim/chance.ts";
import type { Clients } from "./clients.ts";
import type { Commands } from "./commands.ts";
import type { Coverage } from "./coverage.ts";
import type { DiskImage } from "./disk.ts";
import type { Profile } from "./profiles.ts";
import type { Promises } from "./promises.ts";
import type { Reads } from "./reads.ts";
import type { Safety } from "./safety.ts";
import type { Schedule } from "../../src/sim/schedule.ts";
import type { SimNode } from "./sim-node.ts";
import type { Snapshots } from "./snapshots.ts";

/** The core's door; a mutated copy of it has the same one. */
export interface Core {
  readonly step: typeof step;
  readonly restore: typeof restore;
  readonly nextDeadlineMs: typeof nextDeadlineMs;
  readonly sharedPosition: typeof sharedPosition;
  readonly SessionTable: typeof SessionTable;
  readonly checkState: typeof checkState;
  readonly checkTransition: typeof checkTransition;
}

/** What is watched beside the five properties of figure 3.2, which always are. */
export interface Checks {
  /** `checkState` and `checkTransition` after each step. */
  readonly invariants: boolean;
  /** What must be durable before it may be said: promises.ts. */
  readonly promises: boolean;
}

export interface World {
  readonly core: Core;
  readonly checks: Checks;
  readonly profile: Profile;
  readonly chance: Chance;
  readonly schedule: Schedule;
  readonly safety: Safety;
  readonly promises: Promises;
  readonly commands: Commands;
  readonly snapshots: Snapshots;
  readonly clients: Clients;
  readonly reads: Reads;
  readonly coverage: Coverage;
  readonly bootstrap: Founding["bootstrap"];
  /** The disks of all members, those included that have been replaced since. */
  readonly disks: ReadonlyMap<MemberKey, DiskImage>;
  readonly onElected: (node: SimNode) => void;
  readonly onLeaderCommit: (node: SimNode) => void;
  readonly onVoted: (node: SimNode) => void;
  readonly onStarting: (node: SimNode) => void;
  readonly onCrashed: (node: SimNode) => void;
  readonly onHalted: (node: SimNode) => void;
  readonly onChangeSettled: (node: SimNode, settled: ChangeSettled) => void;
  readonly onFollowerFault: (node: SimNode, effect: FollowerFault) => void;
  readonly onRemoved: (node: SimNode, by: PlacedConfiguration) => void;
  /** Takes a transcript's line; null when nobody reads it. */
  readonly trace: ((line: string) => void) | null;
}
