// Have two copies of a state machine answered alike so far? Each keeps a rolling hash over every entry and its outcome. At fixed
// indexes it is told, so that the nodes can compare it. It is a part of the state: a snapshot carries it on.
import { outcomeStepsMax } from "../../core/copy-word.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { AppliedEntry, Milestone, Outcome } from "../../ports/state-machine.ts";

const entryKinds = ["command", "openSession", "closeSession", "activate", "tick"] as const;
const outcomeKinds = ["ok", "rejected", "expired", "forgotten", "unsendable", "full"] as const;

const utf8 = new TextEncoder();
const nothing = new Uint8Array();
export const done: Outcome = { kind: "ok", payload: nothing };

/** What is hashed has to be encoded on every node, and only the leader has a reason to encode the result of a command without a session. */
const resultHashedEvery = 8;
export const hasResultHashed = (entry: AppliedEntry): boolean =>
  entry.kind !== "command" || entry.session !== null || entry.index % resultHashedEvery === 0;

/** The same on every node, whether one waits there or not. */
export function asHashed(entry: AppliedEntry, outcome: Outcome): Outcome {
  if (hasResultHashed(entry) || (outcome.kind !== "ok" && outcome.kind !== "unsendable")) return outcome;
  return done;
}

// One buffer for all calls: this runs for every entry, and nothing in it waits.
const head = new DataView(new ArrayBuffer(16));

type Chain = Pick<OutcomeChain, "told" | "value">;

export class OutcomeChain {
  #value: bigint;

  /** @param value of the state that it goes on from */
  constructor(value = 0n) {
    this.#value = value;
  }

  /** 64 bits. */
  get value(): bigint {
    return this.#value;
  }

  /** As it is told: 53 bits, which a JavaScript number holds. */
  get told(): number {
    return Number(this.#value >> 11n);
  }

  /** `outcome`: as a client that waits is told it. Whether one waits differs between nodes, and must not count. */
  add({ index, kind, isSkipped }: AppliedEntry, outcome: Outcome): void {
    const body = bodyOf(outcome);
    head.setFloat64(0, index);
    head.setUint8(8, entryKinds.indexOf(kind));
    head.setUint8(9, outcomeKinds.indexOf(outcome.kind));
    head.setUint8(10, isSkipped === true ? 1 : 0);
    head.setUint32(12, body.byteLength);
    const value = Bun.hash.xxHash3(head.buffer, this.#value);
    this.#value = body.byteLength === 0 ? value : Bun.hash.xxHash3(body, value);
  }
}

/** The words about a result that cannot be encoded are the engine's own, and an engine may change them. */
function bodyOf(outcome: Outcome): Uint8Array {
  switch (outcome.kind) {
    case "ok":
      return outcome.payload;
    case "rejected":
      return outcome.message === "" ? nothing : utf8.encode(outcome.message);
    case "full":
    case "unsendable":
    case "expired":
    case "forgotten":
      return nothing;
  }
}

/** The indexes at which every copy tells its chain: multiples of `every`. An entry without effect may stand there. */
export class Milestones {
  readonly #every: number;
  readonly #tell: (milestone: Milestone) => void;
  /** The chain after the last entries before the next milestone, which comes last. 64 bits each, as they are at hand: this runs for every entry. */
  readonly #values: BigUint64Array;
  /** The first entry since the last milestone whose value is known; null: the next entry decides. */
  #from: LogIndex | null = null;

  constructor(every: number, tell: (milestone: Milestone) => void) {
    this.#every = every;
    this.#tell = tell;
    this.#values = new BigUint64Array(Math.min(every, outcomeStepsMax));
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
      for (let at = Math.max(reached, last - this.#values.length) + 1; at <= last; at++) this.#note(at, chain.value);
      this.#tellAt(last, chain.told);
    }
    for (let at = Math.max(reached, last) + 1; at < index; at++) this.#note(at, chain.value);
  }

  after(index: LogIndex, chain: Chain): void {
    this.#note(index, chain.value);
    if (index % this.#every === 0) this.#tellAt(index, chain.told);
  }

  #note(index: LogIndex, value: bigint): void {
    const place = ((index - 1) % this.#every) - (this.#every - this.#values.length);
    if (place >= 0) this.#values[place] = value;
  }

  #tellAt(index: LogIndex, chain: number): void {
    const { length } = this.#values;
    const from = Math.max(this.#from!, index - length + 1);
    const low = new Uint32Array(this.#values.buffer);
    const values = new Uint32Array(index - from + 1);
    for (let nth = 0; nth < values.length; nth++) values[nth] = low[2 * (length - values.length + nth)]!;
    this.#from = index + 1;
    this.#tell({ index, chain, steps: { from, values } });
  }
}
