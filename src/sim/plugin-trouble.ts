// What is wrong with the plugin of a simulated cluster? One command may be poison: every copy of the state machine throws or hangs at
// it, until the operator starts the nodes with a corrected plugin. Some results are large. And each command takes effect once.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Chance } from "./chance.ts";
import type { Wrong } from "./state-machine.ts";
import { markIn, textOfMark, troubled } from "./troubled-store.ts";

export interface TroublePace {
  /** Of one command; null: there is none. */
  readonly poison: "throws" | "hangs" | null;
  /** When it is sent: after so many events, whatever the length of the simulation, so that a shorter replay meets it as well. */
  readonly poisonAfter: number;
  /** How many of the requests are large, or their answers. */
  readonly large: number;
}

const poisonsMax = 3;
const mebibyte = 1024 * 1024;

export class PluginTrouble {
  readonly #chance: Chance;
  readonly #pace: TroublePace;
  /** How many events there have been. */
  readonly #events: () => number;
  readonly #violated: (what: string) => void;
  /** Where each value took effect first. */
  readonly #effects = new Map<string, LogIndex>();
  /** Where copies of the state machine were given one. */
  readonly #poisonedAt = new Set<LogIndex>();
  #poisons = 0;
  #isOver = false;

  constructor(chance: Chance, pace: TroublePace, events: () => number, violated: (what: string) => void) {
    this.#chance = chance;
    this.#pace = pace;
    this.#events = events;
    this.#violated = violated;
  }

  /** Whether a poison has been sent, and the plugin is not corrected yet. */
  get isPoisoned(): boolean {
    return this.#poisons > 0;
  }

  /** No trouble begins any more. A poison that is in the log stays there. */
  end(): void {
    this.#isOver = true;
  }

  /** The plugin is corrected: nodes that start from now on pass the poison. */
  correct(): void {
    this.#isOver = true;
    this.#poisons = 0;
  }

  /** What stands behind the next value that is put. */
  mark(): string {
    if (this.#isOver) return "";
    const { poison, poisonAfter, large } = this.#pace;
    if (poison !== null && this.#poisons < poisonsMax && this.#events() >= poisonAfter) {
      this.#poisons++;
      return textOfMark({ kind: poison });
    }
    return this.#chance.happens(large) ? textOfMark({ kind: "large", bytes: this.#size() }) : "";
  }

  /** How large the next question is, in bytes; 0: as ever. */
  questionBytes(): number {
    return !this.#isOver && this.#chance.happens(this.#pace.large) ? this.#size() : 0;
  }

  /** Whether each copy of the state machine stops at this entry. */
  isPoison(index: LogIndex): boolean {
    return this.#poisons > 0 && this.#poisonedAt.has(index);
  }

  /** What each copy of the state machine does at this entry. */
  wrongAt(entry: AppliedEntry): Wrong | null {
    if (this.#poisons === 0) return null;
    const wrong = this.#poisonIn(entry);
    if (wrong !== null) this.#poisonedAt.add(entry.index);
    return wrong;
  }

  #poisonIn(entry: AppliedEntry): Wrong | null {
    switch (markIn(entry)?.kind) {
      case "throws":
        return { kind: "throws" };
      case "hangs":
        return { kind: "hangs", at: "entry", forMs: null };
      default:
        return null;
    }
  }

  /** For one life of a node. */
  copyOf(plugin: Plugin): Plugin {
    return troubled(plugin, (value, index) => {
      const known = this.#effects.get(value) ?? index;
      if (known !== index) this.#violated(`the put of ${value} takes effect at entry ${index}, and has at ${known}`);
      this.#effects.set(value, known);
    });
  }

  /** Most are of 1 MiB, and few of nearly the 8 MiB that a payload may have. */
  #size(): number {
    return Math.floor(mebibyte * 7.9 ** this.#chance.fraction());
  }
}
