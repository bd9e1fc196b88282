// What comes of a simulation in which nothing is violated: how much of everything there was.
import type { RareStateCounts } from "./rare-states/watch.ts";

export interface WholeResult {
  readonly events: number;
  readonly frames: number;
  readonly commands: number;
  /** Of these, commands of the state machine and no queries. */
  readonly writes: number;
  readonly answers: number;
  readonly elections: number;
  readonly faults: number;
  /** Of state machines, from snapshots. */
  readonly restores: number;
  /** Of disks. */
  readonly damages: number;
  /** What an administrator has asked for. */
  readonly changes: number;
  readonly handOvers: number;
  /** Nodes that came again with an empty disk. */
  readonly broughtBack: number;
  /** Commands of drawn operations of which a client has the result, or the plugin's refusal. */
  readonly applied: number;
  readonly rejections: number;
  /** State machines that threw or hung. */
  readonly standstills: number;
  /** Sessions that ended before their clients had said so, and sessions for which there was no room. */
  readonly sessionsEnded: number;
  readonly sessionsRefused: number;
  /** Reads that said how old they might be. */
  readonly staleReads: number;
  /** Certificates that ended while there were faults. */
  readonly certificates: number;
  /** What a node held of requests at the most, and how late it applied an entry when the faults were over, in election timeouts. */
  readonly requestsMax: number;
  readonly latenessMax: number;
  /** How often each of them was reached. */
  readonly rareStates: RareStateCounts;
  /** Of the transcript. */
  readonly digest: string;
}
