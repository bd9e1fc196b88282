// A node of a story: its core, and what is on its disk.
import type { Entry } from "../../src/core/entry.ts";
import type { Event } from "../../src/core/events.ts";
import type { Affiliation } from "../../src/core/genesis.ts";
import type { State } from "../../src/core/state.ts";
import type { Disk } from "./disk.ts";

export interface StoryNode {
  readonly id: string;
  readonly disk: Disk;
  /** null while the node is down. */
  state: State | null;
  /** What its hellos say of the cluster until it has a genesis on its disk. */
  affiliation: Affiliation;
  /** Everything in the log, durable or not. */
  entries: readonly Entry[];
}

export const nodeThatIsDown = (id: string, disk: Disk): StoryNode => ({
  id,
  disk,
  state: null,
  affiliation: "joining",
  entries: [],
});

export function helloOf({
  id,
  disk,
  affiliation,
}: StoryNode): Omit<Extract<Event, { kind: "peerConnected" }>, "nowMs"> {
  const { incarnation, genesis } = disk;
  return { kind: "peerConnected", peer: { id, incarnation }, affiliation: genesis ?? affiliation };
}
