// What does a crash leave? A disk that takes writes in order, makes each durable later, all of it or nothing, and keeps
// of what was on its way a prefix at most.
import { toMemberKey, type MemberKey, type NodeId, type PlacedConfiguration } from "../../src/core/configuration.ts";
import type { DurableEffect, WriteSnapshot } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Ticket } from "../../src/core/events.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import { logStart, type LogPosition, samePosition } from "../../src/core/log-position.ts";
import type { Saved } from "../../src/core/restore.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { Chance } from "../../src/sim/chance.ts";
import type { World } from "./world.ts";

type DiskModules = Pick<World, "chance" | "schedule" | "profile">;

/** How many earlier states are kept, and how many writes lie between them. */
const pastMax = 6;
const pastEvery = 7;

interface Pending {
  readonly effects: readonly DurableEffect[];
  readonly onDurable: (ticket: Ticket) => void;
}

/** What survives a power cut. */
export class DiskImage {
  readonly key: MemberKey;
  genesis: Genesis | null = null;
  removed: Saved["removed"] = null;
  refill: Saved["refill"] = null;
  currentTerm = 0;
  votedFor: MemberKey | null = null;
  base: LogPosition & { readonly stampMs: number } = { ...logStart, stampMs: 0 };
  baseConfiguration: PlacedConfiguration | null = null;
  snapshot: SnapshotRecord | null = null;
  /** The entry of index i stands at i - 1; the places through the base are empty. */
  readonly log: Entry[] = [];

  constructor(key: MemberKey) {
    this.key = key;
  }

  /** What the disk held before it lost something. */
  before: DiskImage | null = null;

  copy(): DiskImage {
    const image = new DiskImage(this.key);
    image.become(this);
    image.before = this.before;
    return image;
  }

  become({ genesis, removed, refill, currentTerm, votedFor, base, baseConfiguration, snapshot, log }: DiskImage): void {
    Object.assign(this, { genesis, removed, refill, currentTerm, votedFor, base, baseConfiguration, snapshot });
    const { length } = log;
    this.log.length = 0;
    this.log.length = length;
    for (let at = base.index; at < length; at++) this.log[at] = log[at]!;
  }

  /** Whether it holds the entry, or has held it when it was acknowledged. */
  hasHeld(index: number, term: number): boolean {
    return this.holds(index, term) || this.before?.hasHeld(index, term) === true;
  }

  /** Whether the entry is in the log, or covered by what has taken the place of its beginning. */
  holds(index: number, term: number): boolean {
    if (index < this.base.index) return true;
    return index === this.base.index ? term === this.base.term : this.log[index - 1]?.term === term;
  }

  apply(effect: DurableEffect): void {
    switch (effect.kind) {
      case "writeVote":
        this.currentTerm = effect.currentTerm;
        this.votedFor = effect.votedFor;
        return;
      case "writeRemoved":
        this.removed = { position: effect.position, configuration: effect.configuration };
        return;
      case "writeRefilled":
        this.refill = null;
        this.before = null;
        return;
      case "writeGenesis":
        this.genesis = effect.genesis;
        return;
      case "truncateLog":
        if (effect.through < (this.snapshot?.position.index ?? 0)) {
          throw new Violation("what a snapshot covers stays", `${this.key} truncates after ${effect.through}`);
        }
        this.log.length = effect.through;
        return;
      case "appendLog":
        for (const entry of effect.entries) {
          if (entry.index !== this.log.length + 1) {
            throw new Violation("a log has no gaps", `${this.key} writes ${entry.index} after ${this.log.length}`);
          }
          this.log.push(entry);
        }
        return;
      case "writeSnapshot":
        this.#cut(effect);
    }
  }

  #cut(effect: WriteSnapshot): void {
    const { snapshot, base, discardsLog } = effect;
    const fits = discardsLog ? samePosition(base, snapshot.position) : this.#reaches(base, snapshot.position);
    const goesOn = base.index >= this.base.index && snapshot.position.index >= (this.snapshot?.position.index ?? 0);
    if (!fits || !goesOn || base.index > snapshot.position.index) {
      const found = `${this.base.index} to ${this.log.length}`;
      throw new Violation(
        "a snapshot fits the log",
        `${this.key} cuts ${found} to ${JSON.stringify({ snapshot, base })}`,
      );
    }
    const stampMs = discardsLog ? snapshot.stampMs : (this.log[base.index - 1]?.stampMs ?? this.base.stampMs);
    const kept = discardsLog ? [] : this.log.slice(base.index);
    this.log.length = 0;
    this.log.length = base.index;
    for (const entry of kept) this.log.push(entry);
    this.base = { ...base, stampMs };
    this.baseConfiguration = effect.baseConfiguration;
    this.snapshot = snapshot;
  }

  #reaches(...positions: readonly LogPosition[]): boolean {
    return positions.every(({ index, term }) => index >= this.base.index && this.holds(index, term));
  }

  /** What the log store would find when it is opened. */
  saved(): Saved {
    const termStarts: LogPosition[] = [];
    const entries = this.log.slice(this.base.index);
    for (const { index, term } of entries) {
      if (term !== (termStarts.at(-1)?.term ?? 0)) termStarts.push({ index, term });
    }
    const last = entries.at(-1) ?? this.base;
    return {
      genesis: this.genesis,
      currentTerm: this.currentTerm,
      votedFor: this.votedFor,
      base: { index: this.base.index, term: this.base.term },
      baseConfiguration: this.baseConfiguration,
      snapshot: this.snapshot,
      last: { index: last.index, term: last.term },
      lastStampMs: last.stampMs,
      termStarts,
      configurations: entries.flatMap((entry) =>
        entry.kind === "configuration"
          ? [{ position: { index: entry.index, term: entry.term }, configuration: entry.configuration }]
          : [],
      ),
      removed: this.removed,
      refill: this.refill,
    };
  }
}

export class Disk {
  readonly #id: NodeId;
  readonly #modules: DiskModules;
  #durable: DiskImage;
  #pending: Pending[] = [];
  /** Some of its earlier states are kept, for a fault that brings one back. */
  keepsPast = false;
  #past: DiskImage[] = [];
  #writes = 0;
  #isInline = false;
  #isWell = false;
  /** When it has done what it has been given so far. */
  #freeMs = 0;
  /** Rises with each crash and when the disk gets well: what was planned before does not happen. */
  #plan = 0;

  constructor(id: NodeId, modules: DiskModules) {
    this.#id = id;
    this.#modules = modules;
    this.#durable = new DiskImage(toMemberKey(id, modules.chance.hex()));
  }

  get durable(): DiskImage {
    return this.#durable;
  }

  /** Its node starts: writes from now on block it, or are done beside it. */
  open(): void {
    const { chance, profile } = this.#modules;
    this.#isInline = chance.happens(profile.disk.inline);
    this.#freeMs = 0;
  }

  /** One transaction. `onDurable` is told its last ticket once it cannot be lost any more: before this returns, or later. */
  write(effects: readonly DurableEffect[], onDurable: (ticket: Ticket) => void): void {
    this.#pending.push({ effects, onDurable });
    if (this.#isInline) this.#settle();
    else this.#settleLater();
  }

  /** It does not answer for a while. */
  stall(durationMs: number): void {
    this.#freeMs = Math.max(this.#freeMs, this.#modules.schedule.nowMs) + durationMs;
  }

  /** Loses power. Some of what was on its way may have arrived just then, the rest is lost: how much is returned. */
  crash(): number {
    const kept = this.#modules.chance.below(this.#pending.length + 1);
    for (const { effects } of this.#pending.slice(0, kept)) this.#apply(effects);
    const lost = this.#pending.length - kept;
    this.#pending = [];
    this.#plan++;
    return lost;
  }

  /** One of its earlier states; null: none is kept. */
  past(chance: Chance): DiskImage | null {
    return this.#past.length === 0 ? null : chance.pick(this.#past);
  }

  /** What it held before does not come back. */
  forgetPast(): void {
    this.#past = [];
  }

  /** Replaced by an empty one, which makes the node another incarnation. */
  wipe(): void {
    this.#durable = new DiskImage(toMemberKey(this.#id, this.#modules.chance.hex()));
    this.forgetPast();
  }

  /** From now on it is quick, also with what it has already been given. */
  getWell(): void {
    this.#isWell = true;
    this.#plan++;
    this.#freeMs = 0;
    for (let at = 0; at < this.#pending.length; at++) this.#settleLater();
  }

  /** The next write in the order given becomes durable when the disk gets to it. */
  #settleLater(): void {
    const { schedule } = this.#modules;
    this.#freeMs = Math.max(this.#freeMs, schedule.nowMs) + this.#writeMs();
    const plan = this.#plan;
    schedule.at(this.#freeMs, () => {
      if (plan === this.#plan) this.#settle();
    });
  }

  #writeMs(): number {
    const { chance, profile } = this.#modules;
    if (this.#isWell) return profile.disk.delayMs.low;
    return chance.from(profile.disk.delayMs) + (chance.happens(profile.disk.stall) ? chance.from(profile.pauseMs) : 0);
  }

  #settle(): void {
    const write = this.#pending.shift();
    if (write === undefined) throw new Error("nothing is on its way to the disk");
    this.#apply(write.effects);
    write.onDurable(write.effects.at(-1)!.ticket);
  }

  #apply(effects: readonly DurableEffect[]): void {
    if (this.keepsPast && ++this.#writes % pastEvery === 0) {
      this.#past = [...this.#past.slice(1 - pastMax), this.#durable.copy()];
    }
    for (const effect of effects) this.#durable.apply(effect);
  }
}
