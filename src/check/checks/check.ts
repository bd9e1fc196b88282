// What is a check? A row of the table in all.ts: a name, what it says of a plugin that passes, and how it plays steps in two ways or more.
import type { PluginLocation } from "../../adapters/plugin/loader.ts";
import type { Player } from "../player.ts";
import { type Fault, faultBetween, type Moment, type Pair, type Played, type Step } from "../transcript.ts";
import type { WayName } from "../ways/all.ts";

/** The player and the plugin that a check uses. */
export interface Stage {
  readonly player: Player;
  readonly location: PluginLocation;
  /** How the program is called that serves as another process. */
  readonly program: readonly string[];
}

export interface OpenCheck {
  /** Plays these steps and returns the mistake of the plugin; null: there is none. */
  readonly play: (steps: readonly Step[]) => Promise<Fault | null>;
  readonly close: () => void;
}

export interface Check {
  /** One word. */
  readonly name: string;
  /** For people: the rule that a plugin keeps which passes. */
  readonly holds: string;
  /** What a plugin need not have. Null: nothing. */
  readonly needs: "snapshots" | "state on disk" | null;
  /** Of the runs: a check that takes long has fewer. */
  readonly share: number;
  readonly open: (stage: Stage) => OpenCheck;
}

/** Plays in one way, which breaks a rule by itself or not. */
export function single(way: WayName): Check["open"] {
  return ({ player }) => ({
    play: async (steps) => faultOf(await player.play(way, steps)),
    close: () => {},
  });
}

/** Plays in two ways of the thread, which have to come to the same. */
export function compared(ways: readonly [WayName, WayName], pair: Pair): Check["open"] {
  return ({ player }) => ({
    play: async (steps) => {
      const [one, other] = [await player.play(ways[0], steps), await player.play(ways[1], steps)];
      return differenceIn(one, other, pair);
    },
    close: () => {},
  });
}

/** The mistake that one of two plays shows, or the first step at which their results differ. */
export function differenceIn(one: Played, other: Played, pair: Pair): Fault | null {
  return faultOf(one) ?? faultOf(other) ?? faultBetween(momentsOf(one), momentsOf(other), pair);
}

const faultOf = (played: Played): Fault | null => (played.kind === "fault" ? played.fault : null);

const momentsOf = (played: Played): readonly Moment[] => (played.kind === "played" ? played.moments : []);
