// What a simulation is told to do, and what comes of it when nothing is violated: how much of everything there was.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import type { Drawing } from "./draw-input.ts";
import type { RareStateCounts } from "./rare-states/watch.ts";
import type { Story } from "./story.ts";

export interface WholeOptions {
  readonly seed: number;
  readonly plugin: Plugin;
  /** A copy of the plugin's module for the next life of a node; default: all lives share one. */
  readonly copy?: (say: (text: string) => void) => Plugin;
  /** What clients ask; default: puts and gets, which the plugin has to know. */
  readonly drawing?: Drawing;
  /** Default: all that the seed draws. */
  readonly story?: Story;
  /** Of faults and load, in events; the quiet time comes after it. */
  readonly events?: number;
  readonly trace?: (line: string) => void;
}

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
  /** Of versions of the plugin: those that are done, and those that were refused. */
  readonly rollOuts: number;
  readonly rollOutsRefused: number;
  /** Nodes that came again with an empty disk. */
  readonly broughtBack: number;
  /** Commands of drawn operations of which a client has the result, or the plugin's refusal. */
  readonly applied: number;
  readonly rejections: number;
  /** Copies of the state machine that went wrong, and those that their nodes have named. */
  readonly copiesSpoiled: number;
  readonly copiesNamed: number;
  /** State machines that threw or hung. */
  readonly standstills: number;
  /** Sessions that ended before their clients had said so, and sessions for which there was no room. */
  readonly sessionsEnded: number;
  readonly sessionsRefused: number;
  /** Reads that said how old they might be. */
  readonly staleReads: number;
  /** Certificates that ended while there were faults. */
  readonly certificates: number;
  /** How often each of them was reached. */
  readonly rareStates: RareStateCounts;
  /** Of the transcript. */
  readonly digest: string;
}
