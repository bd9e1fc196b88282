// What nodes tell each other so that copies of the state machine are compared. Members speak to the leader, and the leader to them. The
// core never sees these messages. Only a peer whose hello announces that it compares copies is sent any.
import type { CopyWord, OutcomeSteps, Place } from "../core/copy-word.ts";
import type { LogIndex, Term } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";

/** What a node takes its copy for. */
export type CopyStanding =
  | "sound"
  /** Copies differ, and no majority is right: it may be this one. */
  | "doubted"
  /** It differs from what a majority has said. */
  | "wrong";

/** All that a member says of its copy: each notice replaces the one before. */
export interface CopyNotice {
  readonly kind: "copyNotice";
  /** Of the leader that it is for. */
  readonly term: Term;
  /** Names this copy among those that the sender's process has had. */
  readonly copy: number;
  /** Its content came from another node, and was not compared since. */
  readonly isGiven: boolean;
  /** It comes from a state that was found wrong, and was not compared since. */
  readonly isUnproven: boolean;
  readonly standing: CopyStanding;
  /** Where copies first differed, of which this one may be wrong; null: it is not in doubt. */
  readonly doubt: Place | null;
  /** A snapshot that replaces this copy ends here or later. */
  readonly covered: LogIndex;
  /** The latest ones. */
  readonly words: readonly CopyWord[];
}

/** What the leader takes a member's copy for. */
export interface CopyVerdict {
  readonly kind: "copyVerdict";
  readonly term: Term;
  /** The copy that is meant: a later one is not judged by it. */
  readonly copy: number;
  readonly standing: CopyStanding;
  /** It came from another node, and is equal to what a majority has. */
  readonly isConfirmed: boolean;
  /** Unless it is sound: in which it differs, and in which range. */
  readonly of: CopyWord["of"];
  readonly after: LogIndex;
  readonly through: LogIndex;
}

/** The leader asks for the hash of the content of the state as it is at this index. */
export interface CopyAsk {
  readonly kind: "copyAsk";
  readonly term: Term;
  readonly at: LogIndex;
}

/** The leader offers a snapshot in the place of a copy that is wrong. */
export interface CopyOffer {
  readonly kind: "copyOffer";
  readonly term: Term;
  readonly copy: number;
  readonly snapshot: SnapshotRecord;
}

/** A member whose copy is wrong asks the leader for the steps of the range in which it differs, to name the first outcome that does. */
export interface CopyTrace {
  readonly kind: "copyTrace";
  readonly term: Term;
  readonly after: LogIndex;
  readonly through: LogIndex;
}

/** What the leader knows of these steps: the first ones. */
export interface CopySteps extends OutcomeSteps {
  readonly kind: "copySteps";
  readonly term: Term;
}

export type CopyMessage = CopyNotice | CopyVerdict | CopyAsk | CopyOffer | CopyTrace | CopySteps;

const kinds: Readonly<Record<CopyMessage["kind"], true>> = {
  copyNotice: true,
  copyVerdict: true,
  copyAsk: true,
  copyOffer: true,
  copyTrace: true,
  copySteps: true,
};

export const isCopyMessage = (message: { readonly kind: string }): message is CopyMessage =>
  Object.hasOwn(kinds, message.kind);
