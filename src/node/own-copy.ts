// What is known of this node's copy of the state machine? What it has come to, by whom its content was made, and what the leader takes
// it for. A restored state is another copy: nothing of the one before is held against it.
import type { Incarnation } from "../core/configuration.ts";
import { contentWordsMax, type CopyWord, outcomeWordsMax, type Place } from "../core/copy-word.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { CopyStanding } from "../ports/copy-messages.ts";
import type { Difference } from "./judge-copies.ts";

/** The copy is not to be trusted: this node shows nothing of it. */
export class CopyDistrusted extends GraftError {
  /** Whether it goes on applying entries: what is only in doubt may still turn out to be right. */
  readonly applies: boolean;
  /** Other copies are right, as far as is known. */
  readonly isAlone: boolean;

  constructor(standing: Exclude<CopyStanding, "sound">, message: string, isAlone = standing === "wrong") {
    super("state-machine", message);
    this.applies = standing === "doubted";
    this.isAlone = isAlone;
  }
}

/** The origin of a snapshot that was taken of a state which was found wrong later: no node vouches for it. */
export const unprovenOrigin: Incarnation = "nobody";

const unprovenWords =
  "it comes from a snapshot of a state that was found wrong before it began: this node answers nothing until the content is found equal " +
  "to that of a majority, or different and is replaced; both happen by themselves once enough voters run: start those that are down; if that " +
  'does not help, see "Copies that differ" in docs/operations.md';

/** Where a state comes from. */
export type CopySource = Pick<SnapshotRecord, "origin" | "position">;

/** The first entry whose outcome differs. */
export interface FirstDifference {
  readonly index: LogIndex;
  /** Null: it has none, or it is not known. */
  readonly operation: string | null;
}

const firstWords = ({ index, operation }: FirstDifference): string =>
  operation === null
    ? `, first that of entry ${index},`
    : `, first that of the command ${operation} at entry ${index},`;

function wordsOf(
  standing: Exclude<CopyStanding, "sound">,
  { of, after, through }: Difference,
  first: FirstDifference | null = null,
): string {
  const where =
    of === "outcomes"
      ? `the outcomes of the commands in the entries ${after + 1} to ${through}${first === null ? "" : firstWords(first)}`
      : `the content of the state at entry ${through}, which was alike through ${after},`;
  if (standing === "wrong") {
    return (
      `${where} differ from what a majority has: this node applies and answers nothing until it has come by another state, which it does by ` +
      "itself; look for what is not deterministic in the plugin, and test the memory of this machine"
    );
  }
  return (
    `${where} differ between nodes, and no majority of the voters has the same: no node answers until a majority agrees; start the voters ` +
    'that are down; if that does not help, an administrator chooses a node: see "Copies that differ" in docs/operations.md'
  );
}

export class OwnCopy {
  readonly #self: Incarnation;
  #number = 0;
  #origin: Incarnation;
  #distrust: {
    readonly standing: Exclude<CopyStanding, "sound">;
    readonly why: CopyDistrusted;
    readonly difference: Difference;
    /** The first entry whose outcome differs. Absent: it is not known. */
    readonly first?: FirstDifference;
  } | null = null;
  #words: readonly CopyWord[] = [];

  /** @param snapshot that it begins with; null: it begins empty */
  constructor(self: Incarnation, snapshot: CopySource | null) {
    this.#self = self;
    this.#origin = snapshot?.origin ?? self;
    this.#doubtUnproven(snapshot);
  }

  /** Names it among those that this process has had. */
  get number(): number {
    return this.#number;
  }

  get origin(): Incarnation {
    return this.#origin;
  }

  /** Its content came from another node, and was not compared since. */
  get isGiven(): boolean {
    return this.#origin !== this.#self;
  }

  /** It comes from a state that was found wrong, and was not compared since. */
  get isUnproven(): boolean {
    return this.#origin === unprovenOrigin;
  }

  get standing(): CopyStanding {
    return this.#distrust?.standing ?? "sound";
  }

  /** Why it shows nothing of its state; null: it is sound, as far as is known. */
  get why(): CopyDistrusted | null {
    return this.#distrust?.why ?? null;
  }

  /** In what it differs; null: it is sound, as far as is known. */
  get difference(): Difference | null {
    return this.#distrust?.difference ?? null;
  }

  /** Of a copy that is wrong, the first entry whose outcome differs; null: it is not known. */
  get first(): FirstDifference | null {
    return this.#distrust?.first ?? null;
  }

  /** Where copies differed, of which this one may be wrong; null: it is not in doubt. */
  get doubt(): Place | null {
    if (this.#distrust?.standing !== "doubted") return null;
    const { of, through } = this.#distrust.difference;
    return { of, index: through };
  }

  /** The latest of each kind. */
  get words(): readonly CopyWord[] {
    return this.#words;
  }

  /** Another state takes the place of this one. Whether it is right is as much in doubt. Null: it begins empty. */
  begin(snapshot: CopySource | null): void {
    this.#number++;
    this.#origin = snapshot?.origin ?? this.#self;
    if (this.standing === "wrong") this.#distrust = null;
    this.#words = [];
    this.#doubtUnproven(snapshot);
  }

  #doubtUnproven(snapshot: CopySource | null): void {
    if (snapshot?.origin !== unprovenOrigin) return;
    const through = Math.max(snapshot.position.index, this.difference?.through ?? 0);
    const difference = { of: "content", after: 0, through } as const;
    this.#distrust = { standing: "doubted", why: new CopyDistrusted("doubted", unprovenWords, true), difference };
  }

  /** The copy is wrong, and this is where that has shown first. */
  explain(first: FirstDifference): void {
    if (this.#distrust?.standing !== "wrong") return;
    const { standing, difference } = this.#distrust;
    const why = new CopyDistrusted(standing, wordsOf(standing, difference, first));
    this.#distrust = { standing, why, difference, first };
  }

  say(word: CopyWord): void {
    if (this.#words.some(({ index, of }) => index === word.index && of === word.of)) return;
    const ofKind = this.#words.filter(({ of }) => of === word.of);
    const [oldest] = ofKind.length < (word.of === "content" ? contentWordsMax : outcomeWordsMax) ? [] : ofKind;
    this.#words = [...this.#words.filter((each) => each !== oldest), word];
  }

  /** Its content is equal to what a majority has: from now on it is a witness of its own. */
  confirm(): void {
    this.#origin = this.#self;
  }

  /** A copy that is wrong stays so. Returns whether anything has changed. */
  judge(standing: CopyStanding, difference: Difference): boolean {
    if (this.standing === "wrong" || this.standing === standing) return false;
    this.#distrust =
      standing === "sound"
        ? null
        : { standing, why: new CopyDistrusted(standing, wordsOf(standing, difference)), difference };
    return true;
  }
}
