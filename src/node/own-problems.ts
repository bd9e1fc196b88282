// What ails this node, in words for people? Each sentence says what it means, and what to do.
import type { Millis, LogIndex } from "../core/log-position.ts";
import type { Condition } from "../ports/node-messages.ts";
import { standstillWords, VersionLacking } from "./active-version.ts";
import type { Endless } from "./endless-work.ts";
import { CopyDistrusted } from "./own-copy.ts";
import type { Refill } from "../core/state.ts";

/** Of all problems together, characters. */
const problemLengthMax = 2_048;
const between = "; ";

/** What a node finds when it looks at itself. */
export interface OwnCondition extends Omit<Condition, "stateMachine" | "problem"> {
  readonly appliedIndex: LogIndex;
  /** The state machine has stopped, or hangs, at an entry at or before this index; 0: it hangs at a query; null: it runs. */
  readonly stoppedThrough: LogIndex | null;
  /** For people: one sentence each. */
  readonly problems: readonly string[];
}

/** When the node's certificate runs out. */
export interface CertificateEnds {
  /** ms since 1970. */
  readonly atMs: Millis;
  /** For people. */
  readonly date: string;
}

export interface Ailments {
  /** It has lost a part of its data and copies it anew. */
  readonly refill: Refill | null;
  /** Why the state machine stands still; null: it runs. */
  readonly failure: Error | null;
  /** Why the copy of its state is not to be trusted; null: it is. */
  readonly distrust: Error | null;
  /** For people: what is wrong with each copy of its state; null: nothing. */
  readonly copyFault: string | null;
  /** For people: what is done about that; null: nothing that helps. */
  readonly renewal: string | null;
  /** For people: what the state machine has been busy with for too long; null: nothing. */
  readonly endlessWork: Endless | null;
  /** Why its last snapshot failed; null: it did not. */
  readonly snapshotFailure: string | null;
  /** What is wrong with its latest snapshot; null: nothing, as far as is known. */
  readonly snapshotDamage: string | null;
  /** Why it cannot receive the leader's snapshot; null: it can, or none is offered. */
  readonly fetchFailure: string | null;
  readonly certificateEnds: CertificateEnds | null;
  readonly wallMs: Millis;
  /** Its disk is full, and it takes no part until there is space. */
  readonly isFull: boolean;
  /** How much of the disk must be free for commands to be taken. */
  readonly bytesKeptFree: number;
}

export function withProblems(
  facts: Omit<OwnCondition, "problems" | "isCertificateExpired" | "isRefilling">,
  ailments: Ailments,
): OwnCondition {
  const { refill, failure, distrust, renewal, endlessWork, certificateEnds, wallMs, isFull } = ailments;
  const { snapshotFailure, snapshotDamage, fetchFailure, copyFault } = ailments;
  const expired = certificateEnds !== null && wallMs >= certificateEnds.atMs ? certificateEnds : null;
  const problems = [
    ...(refill === null ? [] : [refillWords(refill)]),
    ...(failure === null ? [] : [stoppedWords(failure, renewal)]),
    ...(distrust === null || distrust === failure ? [] : [stoppedWords(distrust, null)]),
    ...(copyFault === null ? [] : [copyFault]),
    ...(endlessWork === null ? [] : [endlessWork.problem]),
    ...(expired === null ? [] : [expiredWords(expired)]),
    ...(snapshotDamage === null ? [] : [damageWords(snapshotDamage)]),
    // On a disk that is nearly full snapshots fail for that reason, and are tried again when there is space.
    ...(snapshotFailure === null || facts.space === "low" ? [] : [snapshotWords(snapshotFailure)]),
    ...(fetchFailure === null || facts.space === "low" ? [] : [fetchWords(fetchFailure)]),
    ...(facts.space === "low" && !isFull ? [lowWords(ailments.bytesKeptFree)] : []),
    ...(isFull ? [fullWords] : []),
  ];
  return { ...facts, isCertificateExpired: expired !== null, isRefilling: refill !== null, problems };
}

/** What a version that is lacking needs, it says itself. */
const stoppedWords = (failure: Error, renewal: string | null): string =>
  `its state machine ${standstillWords(failure)}; committed commands are safe in the log` +
  (failure instanceof VersionLacking || failure instanceof CopyDistrusted
    ? ", and it goes on voting"
    : `; ${renewal ?? "correct its code and restart the node"}`);

const refillWords = ({ finding }: Refill): string =>
  `its data is damaged, and it copies the log anew; it does not vote until the log is whole: ${finding}`;

/**
 * The problems as one text, which is cut on its way to other nodes and clients if it is too long (docs/protocol.md). So each problem
 * that is longer than its share is cut in its middle: what it is stands at its beginning, and often what to do at its end.
 */
export function inOne(problems: readonly string[]): string | null {
  if (problems.length === 0) return null;
  let left = problemLengthMax - between.length * (problems.length - 1);
  const cut = new Map<number, string>();
  const shortestFirst = problems.map((text, at) => ({ text, at })).toSorted((a, b) => a.text.length - b.text.length);
  for (const [done, { text, at }] of shortestFirst.entries()) {
    const fitting = cutInTheMiddle(text, Math.floor(left / (problems.length - done)));
    cut.set(at, fitting);
    left -= fitting.length;
  }
  return problems.map((_, at) => cut.get(at)).join(between);
}

function cutInTheMiddle(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const head = Math.floor((lengthMax - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (lengthMax - 1 - head))}`;
}

/** Both parts of what is done about a damaged snapshot may take long, or fail: then another leader offers its own. */
const damageWords = (finding: string): string =>
  "its snapshot is damaged: a node that needs this snapshot lags behind; no data is lost while this node runs; it takes another snapshot " +
  `by itself, so do not stop it before; if this lasts: graft cluster leader ID, to a node with a sound disk; ${finding}`;

const snapshotWords = (reason: string): string =>
  `its last snapshot failed, so its log grows and is not cut; no data is lost; remove the cause, and the next snapshot succeeds: ${reason}`;

const fetchWords = (reason: string): string =>
  `it cannot receive the leader's snapshot, so it lags behind; no data is lost; remove the cause, and the node tries again by itself: ${reason}`;

const fullWords =
  "its disk is full: it neither votes, leads nor acknowledges until there is space; what was acknowledged is safe; free space on that disk";

const lowWords = (bytesKeptFree: number): string =>
  `its disk is nearly full: less than ${Math.ceil(bytesKeptFree / 2 ** 20)} MiB are free; it takes no commands while it leads; ` +
  "free space on that disk, or lower min_free_bytes and min_free_percent in [storage] and restart the node";

const expiredWords = ({ date }: CertificateEnds): string =>
  `its certificate expired at ${date}: connections that are open stay open, new ones fail; issue a new one with ` +
  "graft certs issue --force and restart the node";
