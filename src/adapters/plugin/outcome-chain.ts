// Have two copies of a state machine answered alike so far? Each keeps a rolling hash over every entry and its outcome. At fixed
// indexes it is told, so that the nodes can compare it. It is a part of the state: a snapshot carries it on.
import { outcomeStepsMax } from "../../core/copy-word.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { AppliedEntry, Milestone, Outcome } from "../../ports/state-machine.ts";
import { done } from "./command-outcomes.ts";
import { PluginRefusal } from "./refusals.ts";

const entryKinds = { command: 0, openSession: 1, closeSession: 2, activate: 3, tick: 4 } as const;
const outcomeKinds = { ok: 0, rejected: 1, expired: 2, forgotten: 3, unsendable: 4, full: 5 } as const;

const utf8 = new TextEncoder();
const nothing = new Uint8Array();

/**
 * What is hashed has to be encoded on every node, and only the leader has a reason to encode the result of a command without a session. So that
 * of every so many entries counts.
 */
export const resultHashedEvery = 32;
export const hasResultHashed = (entry: AppliedEntry, every = resultHashedEvery): boolean =>
  entry.kind !== "command" || entry.session !== null || entry.index % every === 0;

/** The same on every node, whether one waits there or not. */
export function asHashed(entry: AppliedEntry, outcome: Outcome, every = resultHashedEvery): Outcome {
  if (hasResultHashed(entry, every) || (outcome.kind !== "ok" && outcome.kind !== "unsendable")) return outcome;
  return done;
}

/** The last step of MurmurHash3: each bit of the number spreads over all 32, and different numbers stay different. */
function spread(number: number): number {
  let mixed = number ^ (number >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

const wordValues = 2 ** 32;

/** Whether a chain can go on from it. */
export const isChain = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{16}$/.test(text);

/** This runs for every entry: numbers of 32 bits cost the least, and are no garbage. What has differed once stays different: each word is taken in one to one. */
export class OutcomeChain {
  #low: number;
  #high: number;

  /** @param text of the state that it goes on from */
  constructor(text = "0".repeat(16)) {
    this.#high = Number.parseInt(text.slice(0, 8), 16) | 0;
    this.#low = Number.parseInt(text.slice(8), 16) | 0;
  }

  /** All 64 bits, in hexadecimal digits. */
  get text(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /** 32 bits. */
  get low(): number {
    return this.#low >>> 0;
  }

  /** As it is told: 53 bits, which a JavaScript number holds. */
  get told(): number {
    return (this.#high >>> 11) * wordValues + this.low;
  }

  /** `outcome`: as a client that waits is told it. Whether one waits differs between nodes, and must not count. */
  add({ index, kind, isSkipped }: AppliedEntry, outcome: Outcome): void {
    const body = bodyOf(outcome);
    this.#take(index | 0);
    const skipped = isSkipped === true ? 1 : 0;
    // Of the index 21 bits are left.
    this.#take(
      (Math.floor(index / wordValues) << 11) | (skipped << 8) | (entryKinds[kind] << 4) | outcomeKinds[outcome.kind],
    );
    this.#take(body.byteLength);
    if (body.byteLength > 0) this.#take(Bun.hash.xxHash32(body) | 0);
  }

  #take(word: number): void {
    this.#low = spread(this.#low ^ word);
    this.#high = spread((Math.imul(this.#high, 5) + (this.#low ^ word)) | 0);
  }
}

/** The words of a refusal count where they are the plugin's own. Graft's and the engine's may differ between releases. */
function bodyOf(outcome: Outcome): Uint8Array {
  switch (outcome.kind) {
    case "ok":
      return outcome.payload;
    case "rejected":
      return outcome instanceof PluginRefusal ? utf8.encode(outcome.message) : nothing;
    case "full":
    case "unsendable":
    case "expired":
    case "forgotten":
      return nothing;
  }
}

type Chain = Pick<OutcomeChain, "told" | "low">;

/** The indexes at which every copy tells its chain: multiples of `every`. An entry without effect may stand there. */
export class Milestones {
  readonly #every: number;
  readonly #tell: (milestone: Milestone) => void;
  /** 32 bits of the chain after the last entries before the next milestone, which comes last. */
  readonly #values: Uint32Array;
  /** The first entry since the last milestone whose value is known; null: the next entry decides. */
  #from: LogIndex | null = null;

  constructor(every: number, tell: (milestone: Milestone) => void) {
    this.#every = every;
    this.#tell = tell;
    this.#values = new Uint32Array(Math.min(every, outcomeStepsMax));
  }

  /** Another state begins. */
  restart(): void {
    this.#from = null;
  }

  /** An entry comes next, after `reached`: what lies between them has had no effect. */
  before(index: LogIndex, reached: LogIndex, chain: Chain): void {
    this.#from ??= reached + 1;
    if (reached === index - 1) return;
    const last = index - 1 - ((index - 1) % this.#every);
    // At `reached` itself it has been told.
    if (last > reached) {
      for (let at = Math.max(reached, last - this.#values.length) + 1; at <= last; at++) this.#note(at, chain.low);
      this.#tellAt(last, chain.told);
    }
    for (let at = Math.max(reached, last) + 1; at < index; at++) this.#note(at, chain.low);
  }

  after(index: LogIndex, chain: Chain): void {
    this.#note(index, chain.low);
    if (index % this.#every === 0) this.#tellAt(index, chain.told);
  }

  #note(index: LogIndex, value: number): void {
    const place = ((index - 1) % this.#every) - (this.#every - this.#values.length);
    if (place >= 0) this.#values[place] = value;
  }

  #tellAt(index: LogIndex, chain: number): void {
    const { length } = this.#values;
    const from = Math.max(this.#from!, index - length + 1);
    const values = this.#values.slice(length - (index - from + 1));
    this.#from = index + 1;
    this.#tell({ index, chain, steps: { from, values } });
  }
}
