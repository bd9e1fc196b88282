// Do reads see what they must? The state is a prefix of the log, so that a read is judged by how far the prefix reached that
// it saw: at least as far as every command that was acknowledged, and every read that was answered, before it began. That is
// all there is to linearizability here, and it is checked for every pair. Of a state that may be stale the same is asked for
// the moment that its node vouches for.
import type { ReadRef } from "../../src/core/events.ts";
import type { LogIndex } from "../../src/core/log-position.ts";
import type { Coverage } from "./coverage.ts";
import { Violation } from "../../src/sim/violation.ts";

interface Seen {
  readonly atMs: number;
  readonly index: LogIndex;
}

export class Reads {
  readonly #coverage: Coverage;
  readonly #nowMs: () => number;
  /** What somebody has been told of, and since when; both rise. */
  readonly #seen: Seen[] = [{ atMs: Number.NEGATIVE_INFINITY, index: 0 }];
  /** By read: what had been seen when it began. */
  readonly #asked = new Map<ReadRef, LogIndex>();
  readonly #ready = new Map<ReadRef, LogIndex>();
  #begun = 0;

  constructor(coverage: Coverage, nowMs: () => number) {
    this.#coverage = coverage;
    this.#nowMs = nowMs;
  }

  /** How many wait for the core to say anything. */
  get outstanding(): number {
    return this.#asked.size;
  }

  begin(): ReadRef {
    const ref = ++this.#begun;
    this.#asked.set(ref, this.#seen.at(-1)!.index);
    return ref;
  }

  /** A client has been told of what stands at this index. */
  told(index: LogIndex): void {
    const last = this.#seen.at(-1)!;
    if (index > last.index) this.#seen.push({ atMs: this.#nowMs(), index });
  }

  onReady(ref: ReadRef): void {
    this.#ready.set(ref, this.#take(ref));
  }

  onRefused(ref: ReadRef): void {
    this.#take(ref);
    this.#coverage.refusedReads++;
  }

  /** The read is answered, from a state that reaches to `index`. */
  answer(ref: ReadRef, index: LogIndex): void {
    const least = this.#ready.get(ref);
    if (least === undefined) throw new Violation("a read is answered once", `${ref} is answered without being ready`);
    this.#ready.delete(ref);
    this.#coverage.reads++;
    if (index < least)
      throw new Violation("linearizable", `read ${ref} sees ${index}, others had seen ${least} before`);
    this.told(index);
  }

  /** A state that reaches to `index` is said to have everything that was acknowledged before this time. */
  checkFresh(asOfMs: number, index: LogIndex): void {
    this.#coverage.freshness++;
    // A hair earlier: going from one clock to another rounds.
    const before = this.#seen.findLast(({ atMs }) => atMs < asOfMs - 1e-6)!;
    if (index >= before.index) return;
    throw new Violation("as fresh as it says", `${index} at ${asOfMs}, but ${before.index} since ${before.atMs}`);
  }

  /** The node is gone, and its clients with it. */
  forget(refs: Iterable<ReadRef>): void {
    for (const ref of refs) {
      this.#asked.delete(ref);
      this.#ready.delete(ref);
    }
  }

  #take(ref: ReadRef): LogIndex {
    const least = this.#asked.get(ref);
    if (least === undefined) throw new Violation("a read is answered once", `${ref} was not asked, or was answered`);
    this.#asked.delete(ref);
    return least;
  }
}
