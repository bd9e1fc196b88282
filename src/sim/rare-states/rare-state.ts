// What is a rare state? A moment of a simulation in which two features of Graft meet, named by a sentence. A simulator in which such a
// moment never comes tests less than it seems to. A predicate looks at the nodes and changes nothing, so counting never changes the story.
import type { Configuration, MemberKey, NodeId } from "../../core/configuration.ts";
import type { LogIndex, LogPosition, Term } from "../../core/log-position.ts";
import type { InstallSnapshot, ReadIndex, RequestVote, RequestVoteReply } from "../../core/messages.ts";
import type { State } from "../../core/state.ts";
import type { Member } from "../member.ts";

/** What meets: each pair of these has at least one rare state. */
export const features = [
  "elections",
  "hand-overs",
  "members",
  "snapshots",
  "sessions",
  "reads",
  "lost data",
  "bad disks",
  "crashes",
  "pauses",
  "partitions",
  "conflicts",
  "preferences",
] as const;
export type Feature = (typeof features)[number];

/** All that a predicate may look at beside its moment. */
export interface Scene {
  readonly members: readonly Member[];
  /** Who has led, by terms. */
  readonly leaders: ReadonlyMap<Term, MemberKey>;
  /** The latest committed configuration; null before there is a cluster. */
  readonly governing: () => Configuration | null;
  /** At least one direction between them holds what is sent. */
  readonly isCut: (one: NodeId, other: NodeId) => boolean;
  /** Of the log that all have; null: it is not committed, as far as any node knows. */
  readonly committedTermAt: (index: LogIndex) => Term | null;
  /** Whether the term's leader stood because its predecessor asked it to. */
  readonly tookOver: (term: Term) => boolean;
  /** It has said that it reads a leader's snapshot, and nothing else since. */
  readonly isFetching: (member: Member) => boolean;
  /** Where the log of a node ended when it fell asleep last; null: it has not. */
  readonly endBeforeSleep: (member: Member) => LogPosition | null;
}

/** A node, as it was before an event of the simulation and after it. */
export interface Turn {
  readonly member: Member;
  readonly before: State;
  readonly after: State;
}

/** A node, as it is. */
export interface Standing {
  readonly member: Member;
  readonly state: State;
}

/** A node sends a message. */
export interface Sending<Message> extends Standing {
  readonly to: MemberKey;
  readonly message: Message;
}

/** A command of a session is applied for the first time, or another copy of one that was applied before. */
export interface Applying extends Standing {
  readonly position: LogPosition;
  /** Where the copy was that took effect. */
  readonly first: { readonly index: LogIndex; readonly term: Term };
}

/** When predicates are asked, and of what. */
export interface Moments {
  /** It leads a term from now on. */
  readonly elected: Turn;
  /** It leads no longer. */
  readonly deposed: Turn;
  /** It asks whether it would be elected. */
  readonly stands: Turn;
  /** Some of its entries are gone, and others may have come. */
  readonly cut: Turn;
  /** As the leader it has appended a configuration. */
  readonly configured: Turn;
  /** It has its own snapshot. */
  readonly tookSnapshot: Turn;
  /** It has a leader's snapshot in place of entries that it had not applied. */
  readonly adopted: Turn;
  readonly handsOver: Turn;
  /** More commands wait for the end of a hand-over. */
  readonly holds: Turn;
  /** A hand-over has failed, and it leads on. */
  readonly leadsOn: Turn;
  /** More reads wait at it. */
  readonly reads: Turn;
  /** A life of it begins. */
  readonly starts: Standing;
  /** It does not start with the data on its disk. */
  readonly refuses: Pick<Standing, "member">;
  /** In a moment its process is gone. */
  readonly crashes: Standing;
  readonly sleeps: Standing;
  /** It has been told that its copy of the state machine is wrong. */
  readonly namesCopy: Standing;
  /** It knows the first command whose outcome differs on its copy. */
  readonly tracesCopy: Standing;
  /** It has been told that its copy may be wrong. */
  readonly doubtsCopy: Standing;
  /** Another state takes the place of its copy, which was wrong. */
  readonly replacesCopy: Standing;
  readonly fills: Standing;
  /** Some directions of the network hold what is sent from now on. */
  readonly isCutOff: Standing;
  /** Some clients alone are cut from it, and no other node is. */
  readonly losesClients: Standing;
  readonly votes: Sending<RequestVoteReply>;
  readonly asksForVote: Sending<RequestVote>;
  readonly offers: Sending<InstallSnapshot>;
  readonly asksLeader: Sending<ReadIndex>;
  readonly repeats: Applying;
  /** A copy that was in a log before is gone. */
  readonly replaces: Applying;
  /** A later command of the same session has been applied before. */
  readonly isOvertaken: Applying;
  /** Another copy, of which the client has said that it has the answer. */
  readonly comesLate: Applying;
  /** A client reads what a command has written whose outcome its client does not know. */
  readonly findsDoubtful: null;
  /** A client sends a command to a node that has forgotten their connection, and does not know. */
  readonly sendsInVain: null;
  /** An entry that stops every state machine has been skipped. */
  readonly skips: null;
}

export type MomentName = keyof Moments;

export interface RareState<Name extends MomentName> {
  readonly name: string;
  readonly features: readonly Feature[];
  readonly holds: (moment: Moments[Name], scene: Scene) => boolean;
}

/** By moments. */
export type RareStates = { readonly [Name in MomentName]?: readonly RareState<Name>[] };

/** Of a table: the sentence, what meets, and when it is so. */
export const rare = <Moment>(
  name: string,
  of: readonly Feature[],
  holds: (moment: Moment, scene: Scene) => boolean,
): { readonly name: string; readonly features: readonly Feature[]; readonly holds: typeof holds } => ({
  name,
  features: of,
  holds,
});
