// What does a leader make of the words that the members say of their copies? It judges them (judge-copies.ts), tells each what its copy is
// taken for, and has contents compared where that is needed. All of it is of one term: a new leader hears everything again.
import { type Configuration, isMember, type MemberKey } from "../core/configuration.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { CopyNotice, CopyVerdict } from "../ports/copy-messages.ts";
import { type Difference, judgeCopies, type Judgement } from "./judge-copies.ts";

/** How long voters are waited for that say nothing where others differ, ms. */
const silenceMsMax = 30_000;
/** Between two judgements, ms: a wrong copy is named so much later at the most. */
const judgementMs = 100;
/** A verdict that has changed nothing may have been lost: it is sent again after this time, ms. */
const repeatMs = 1_000;
/**
 * Between two questions for contents, ms: each reads the whole state of every node. The pause doubles each time: what many questions have not
 * settled, a voter that is away may have to. It is short again once a member has another copy or standing, or another connection.
 */
const pauseMsMin = 1_000;
const pauseMsMax = 3_600_000;

/** A notice without what only its way needs. */
export type Said = Omit<CopyNotice, "kind" | "term">;
export type Verdict = Omit<CopyVerdict, "kind" | "term">;

const nowhere: Difference = { of: "outcomes", after: 0, through: 0 };

export class Comparing {
  readonly #said = new Map<MemberKey, Said>();
  /** What each was told last. */
  readonly #told = new Map<MemberKey, { readonly text: string; readonly atMs: Millis }>();
  /** Since when voters differ without a majority, wherever; null: they do not. */
  #openSinceMs: Millis | null = null;
  #judgement: Judgement | null = null;
  #pauseMs = 0;
  /** The members when it was last asked whether a question is due. */
  #asked: Configuration | null = null;
  #askedMs: Millis = Number.NEGATIVE_INFINITY;
  /** When words were judged last, and whether any have come since. */
  #judgedMs: Millis = Number.NEGATIVE_INFINITY;
  #hasHeard = false;

  /** A strict majority has come to the same through here; null: nothing has been compared. */
  get agreesThrough(): LogIndex | null {
    return this.#judgement === null || this.#judgement.agreesThrough === 0 ? null : this.#judgement.agreesThrough;
  }

  saidBy(key: MemberKey): Said | null {
    return this.#said.get(key) ?? null;
  }

  hear(key: MemberKey, said: Said): void {
    const before = this.#said.get(key);
    this.#said.set(key, said);
    this.#hasHeard = true;
    const isAlike = before?.copy === said.copy && before.isGiven === said.isGiven && before.standing === said.standing;
    if (!isAlike) this.#pauseMs = Math.min(this.#pauseMs, pauseMsMin);
  }

  /** Another process may speak for it from now on. */
  forget(key: MemberKey): void {
    this.#said.delete(key);
    this.#told.delete(key);
    this.#pauseMs = Math.min(this.#pauseMs, pauseMsMin);
  }

  /** Each judgement looks at all words of all members, which are many under load: so judgements wait for one another. */
  isJudgementDue(nowMs: Millis): boolean {
    return nowMs - this.#judgedMs >= (this.#hasHeard ? judgementMs : repeatMs);
  }

  /** What members are to be told now. */
  judge(configuration: Configuration, nowMs: Millis): readonly (readonly [MemberKey, Verdict])[] {
    this.#judgedMs = nowMs;
    this.#hasHeard = false;
    // A node that has left says nothing that counts, and is let go of.
    for (const key of this.#said.keys()) if (!isMember(configuration, key)) this.forget(key);
    const voices = new Map([...this.#said].map(([key, said]) => [key, voiceOf(said)] as const));
    // Places that are open follow one another as words are forgotten: it is one and the same difference.
    const isWaitOver = this.#openSinceMs !== null && nowMs - this.#openSinceMs >= silenceMsMax;
    const judgement = judgeCopies({ configuration, voices, isWaitOver });
    this.#openSinceMs = judgement.open === null ? null : (this.#openSinceMs ?? nowMs);
    this.#judgement = judgement;
    return configuration.members.flatMap(({ key }) => {
      const said = this.#said.get(key);
      const verdict = said === undefined ? null : verdictOn(key, said, judgement);
      return verdict === null || this.#isKnown(key, verdict, nowMs) ? [] : [[key, verdict] as const];
    });
  }

  /** Whether contents are to be compared now. If so, the next question may follow after a longer pause. */
  isAskDue(configuration: Configuration, nowMs: Millis): boolean {
    const { voters, outgoing } = configuration;
    if (configuration !== this.#asked) this.#pauseMs = Math.min(this.#pauseMs, pauseMsMin);
    this.#asked = configuration;
    const isNeeded =
      (this.#judgement?.open ?? null) !== null ||
      [...this.#said.values()].some(({ standing }) => standing === "doubted") ||
      [...voters, ...outgoing].some((key) => this.#isUnconfirmed(key));
    if (!isNeeded) {
      this.#pauseMs = Math.min(this.#pauseMs, pauseMsMin);
      return false;
    }
    if (nowMs - this.#askedMs < this.#pauseMs) return false;
    this.#askedMs = nowMs;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, pauseMsMin), pauseMsMax);
    return true;
  }

  #isUnconfirmed(key: MemberKey): boolean {
    const said = this.#said.get(key);
    return said !== undefined && said.isGiven && said.standing !== "wrong";
  }

  #isKnown(key: MemberKey, verdict: Verdict, nowMs: Millis): boolean {
    const text = JSON.stringify(verdict);
    const told = this.#told.get(key);
    if (told?.text === text && nowMs - told.atMs < repeatMs) return true;
    this.#told.set(key, { text, atMs: nowMs });
    return false;
  }
}

const voiceOf = ({ isGiven, isUnproven, standing, doubt, words }: Said) => ({
  isGiven,
  isUnproven,
  isWrong: standing === "wrong",
  doubt,
  words,
});

/** Null: there is nothing new to be said. */
function verdictOn(key: MemberKey, { copy, isGiven, standing }: Said, judgement: Judgement): Verdict | null {
  const { wrong, open, isDoubt, confirmed, cleared } = judgement;
  if (standing === "wrong") return null;
  const difference = wrong.get(key);
  if (difference !== undefined) return { copy, standing: "wrong", isConfirmed: false, ...difference };
  const isConfirmed = isGiven && confirmed.has(key);
  // One more witness may be what a majority lacks.
  if (isDoubt && (standing !== "doubted" || isConfirmed)) return { copy, standing: "doubted", isConfirmed, ...open! };
  const isCleared = standing === "doubted" && open === null && cleared.has(key);
  if (!isCleared && !isConfirmed) return null;
  return { copy, standing: isCleared ? "sound" : standing, isConfirmed, ...nowhere };
}
