// Do all nodes, in all their lives, come to the same? What the first of them came to at an index of the log is kept, and compared with
// what every later one comes to there.
import type { OwnedStamp } from "../core/entry.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import { firstDifference } from "./state-text.ts";

/** What is compared, and the violation's first line. */
const rules = {
  state: "the states of two nodes differ after the same entries",
  snapshot: "two nodes take different snapshots after the same entries",
  answers: "two nodes answer the same query of the same state differently",
  outcome: "a command has different outcomes on two nodes",
  wake: "two nodes are to be woken at different times after the same entries",
  verdict: "a command is rejected on one node and not on another",
} as const;

export type Aspect = keyof typeof rules;

/** What somebody came to. */
interface Testimony {
  /** `n1 in its life 2`. */
  readonly by: string;
  readonly digest: bigint;
  /** Null: too much is kept already. */
  readonly text: string | null;
}

/** A result that is put into words only when another node has other bytes. */
interface Result {
  readonly by: string;
  readonly digest: bigint;
  readonly describe: () => string;
}

/** Of all texts and results that are kept, characters and bytes. */
const keptMax = 64 * 2 ** 20;
const shownMax = 300;
/** Of what is the same, where that is long. */
const shownBefore = 60;

export class Agreement {
  readonly #broken: (what: string, cause?: unknown) => void;
  readonly #known = new Map<string, Testimony>();
  /** Of commands, by their index. */
  readonly #results = new Map<LogIndex, Result>();
  readonly #entries = new Map<LogIndex, () => string>();
  /** The index of the state, by the digest of the snapshot's bytes. */
  readonly #snapshots = new Map<string, LogIndex>();
  /** Whose session begins at an index. */
  readonly #owners = new Map<LogIndex, string>();
  /** Below which number the client of a session waits no longer, as far as it has said. */
  readonly #answeredBelow = new Map<LogIndex, number>();
  readonly #waitedFor = new Set<LogIndex>();
  #through: LogIndex = 0;
  #kept = 0;

  /** @param broken takes a violation: its first line says which rule is broken, the others where and how */
  constructor(broken: (what: string, cause?: unknown) => void) {
    this.#broken = broken;
  }

  /** What stands at an index of the log, in words. */
  entry(index: LogIndex, describe: () => string): void {
    this.#entries.set(index, describe);
  }

  /** An entry is about to be applied somewhere. The first that applies one has seen all before it, or another one has. */
  note(entry: AppliedEntry): void {
    if (entry.index <= this.#through) return;
    this.#through = entry.index;
    if (entry.kind === "openSession") this.#owners.set(entry.index, entry.client);
    if (entry.kind !== "command" || entry.session === null || this.#isForeign(entry.session)) return;
    const { id, sequence, answeredBelow } = entry.session;
    const below = Math.max(answeredBelow, this.#answeredBelow.get(id) ?? 0);
    this.#answeredBelow.set(id, below);
    if (sequence >= below) this.#waitedFor.add(entry.index);
  }

  /** Whether an entry is a command in the session of another client (§6.3). */
  isStolen(entry: AppliedEntry): boolean {
    return entry.kind === "command" && entry.session !== null && this.#isForeign(entry.session);
  }

  /** Whether the client of this command has not yet said that it waits no longer. */
  isWaitedFor(index: LogIndex): boolean {
    return this.#waitedFor.has(index);
  }

  #isForeign({ id, client }: OwnedStamp): boolean {
    return (this.#owners.get(id) ?? client) !== client;
  }

  /** `text`: what `by` came to at `index`. `of`: of which query. */
  compare(aspect: Aspect, index: LogIndex, by: string, text: string, of = ""): void {
    const key = keyOf(aspect, index, of);
    const digest = Bun.hash.xxHash3(text);
    const known = this.#known.get(key);
    if (known === undefined) {
      const isKept = this.#kept + text.length <= keptMax;
      if (isKept) this.#kept += text.length;
      this.#known.set(key, { by, digest, text: isKept ? text : null });
    } else if (known.digest !== digest) {
      const differ = differenceOf([known.by, known.text], [by, text]);
      this.violated(rules[aspect], index, of === "" ? differ : [`the query: ${of}`, ...differ]);
    }
  }

  /**
   * Compares the outcomes of one command. Results with the same bytes are equal. Results with other bytes are compared by their words, because the
   * fields of an object may come in any order.
   * `payload`: the result; null: it is none. `describe` gives the words, whenever it is called.
   */
  compareOutcome(index: LogIndex, by: string, payload: Uint8Array | null, describe: () => string): void {
    const digest = payload === null ? null : Bun.hash.xxHash3(payload);
    const first = this.#results.get(index);
    if (first !== undefined) {
      if (first.digest === digest) return;
      this.compare("outcome", index, first.by, first.describe());
    } else if (payload !== null && digest !== null && this.#keepsOutcome(index, payload.length)) {
      this.#results.set(index, { by, digest, describe });
      return;
    }
    this.compare("outcome", index, by, describe());
  }

  /** Whether the first to come to something there may be asked for its words later. */
  #keepsOutcome(index: LogIndex, length: number): boolean {
    if (this.#known.has(keyOf("outcome", index)) || this.#kept + length > keptMax) return false;
    this.#kept += length;
    return true;
  }

  /** `lines` say how the rule is broken. */
  violated(rule: string, index: LogIndex, lines: readonly string[], cause?: unknown): void {
    this.#broken([rule, `  ${this.where(index)}`, ...lines.map((line) => `  ${line}`)].join("\n"), cause);
  }

  where(index: LogIndex): string {
    const entry = this.#entries.get(index);
    return index === 0 ? "before the first entry" : `at entry ${index}${entry === undefined ? "" : `: ${entry()}`}`;
  }

  snapshotTaken(digest: string, index: LogIndex): void {
    this.#snapshots.set(digest, index);
  }

  /** Null: nobody has taken this snapshot. */
  indexOf(digest: string): LogIndex | null {
    return this.#snapshots.get(digest) ?? null;
  }
}

const keyOf = (aspect: Aspect, index: LogIndex, of = ""): string => `${aspect} ${index} ${of}`;

type Said = readonly [by: string, text: string | null];

/** Lines that say where two texts part. */
export function differenceOf([by, text]: Said, [otherBy, otherText]: Said): readonly string[] {
  const difference = text === null || otherText === null ? null : firstDifference(text, otherText);
  if (difference === null) return [`${by} and ${otherBy}`];
  const where = difference.path === "" ? [] : [`in: ${cut(difference.path)}`];
  const one = difference.one ?? "nothing";
  const other = difference.other ?? "nothing";
  const from = shownFrom(one, other);
  return [...where, `${by}: ${cut(one, from)}`, `${otherBy}: ${cut(other, from)}`];
}

/** Where the part begins that is shown of two texts: not after the place where they part. */
function shownFrom(one: string, other: string): number {
  let same = 0;
  while (same < one.length && one[same] === other[same]) same++;
  return same < shownMax ? 0 : same - shownBefore;
}

function cut(text: string, from = 0): string {
  const part = text.slice(from, from + shownMax);
  return `${from > 0 ? "…" : ""}${part}${from + part.length < text.length ? "…" : ""}`;
}
