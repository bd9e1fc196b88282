// What does a crash leave? A disk that takes writes in order, makes each durable later, all of it or nothing, and keeps
// of what was on its way a prefix at most.
import { toMemberKey, type MemberKey, type NodeId } from "../../src/core/configuration.ts";
import type { DurableEffect } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import { logStart, type LogPosition } from "../../src/core/log-position.ts";
import type { Saved } from "../../src/core/restore.ts";
import type { Chance } from "./chance.ts";
import { Violation } from "./violation.ts";

/** One call of `write`: a transaction. */
type Write = readonly DurableEffect[];

/** What survives a power cut. */
export class DiskImage {
  readonly key: MemberKey;
  genesis: Genesis | null = null;
  currentTerm = 0;
  votedFor: MemberKey | null = null;
  /** The entry of index i stands at i - 1. */
  readonly log: Entry[] = [];

  constructor(key: MemberKey) {
    this.key = key;
  }

  holds(index: number, term: number): boolean {
    return index === 0 || this.log[index - 1]?.term === term;
  }

  apply(effect: DurableEffect): void {
    switch (effect.kind) {
      case "writeVote":
        this.currentTerm = effect.currentTerm;
        this.votedFor = effect.votedFor;
        return;
      case "writeGenesis":
        this.genesis = effect.genesis;
        return;
      case "truncateLog":
        this.log.length = effect.through;
        return;
      case "appendLog":
        for (const entry of effect.entries) {
          if (entry.index !== this.log.length + 1) {
            throw new Violation("a log has no gaps", `${this.key} writes ${entry.index} after ${this.log.length}`);
          }
          this.log.push(entry);
        }
    }
  }

  /** What the log store would find when it is opened. */
  saved(): Saved {
    const termStarts: LogPosition[] = [];
    for (const { index, term } of this.log) {
      if (term !== (termStarts.at(-1)?.term ?? 0)) termStarts.push({ index, term });
    }
    const last = this.log.at(-1);
    return {
      genesis: this.genesis,
      currentTerm: this.currentTerm,
      votedFor: this.votedFor,
      snapshot: logStart,
      last: last === undefined ? logStart : { index: last.index, term: last.term },
      lastStampMs: last?.stampMs ?? 0,
      termStarts,
      configurations: this.log.flatMap((entry) =>
        entry.kind === "configuration"
          ? [{ position: { index: entry.index, term: entry.term }, configuration: entry.configuration }]
          : [],
      ),
    };
  }
}

export class Disk {
  readonly #id: NodeId;
  #durable: DiskImage;
  #pending: Write[] = [];

  constructor(id: NodeId, chance: Chance) {
    this.#id = id;
    this.#durable = new DiskImage(toMemberKey(id, chance.hex()));
  }

  get durable(): DiskImage {
    return this.#durable;
  }

  /** On its way from now on: `settle` makes it durable, a crash may lose it. */
  write(effects: Write): void {
    this.#pending.push(effects);
  }

  /** The oldest write that is on its way becomes durable, and its ticket is returned. */
  settle(): number {
    const write = this.#pending.shift();
    if (write === undefined) throw new Error("nothing is on its way to the disk");
    for (const effect of write) this.#durable.apply(effect);
    return write.at(-1)!.ticket;
  }

  /** Loses power. Some of the writes may have arrived just then, the rest is lost: how many is returned. */
  crash(chance: Chance): number {
    const kept = chance.below(this.#pending.length + 1);
    for (let at = 0; at < kept; at++) this.settle();
    const lost = this.#pending.length;
    this.#pending = [];
    return lost;
  }

  /** Replaced by an empty one, which makes the node another incarnation. Returns what was on the old one. */
  wipe(chance: Chance): DiskImage {
    const old = this.#durable;
    this.#durable = new DiskImage(toMemberKey(this.#id, chance.hex()));
    return old;
  }
}
