// What an operator reads when a node finds its data damaged: what was found, what it means for the data, what happens now or
// what to do.
import { GraftError } from "../../errors.ts";
import type { Promises } from "./mark.ts";
import type { WalDamage } from "./wal-examination.ts";

/** A finding that another sentence follows, whether it ends with a full stop or not. */
export const withoutStop = (finding: string): string => finding.replace(/\.$/, "");

/** In words what the examination of the WAL has found. */
export const walFinding = (wal: string, { from, through, transactions }: WalDamage): string =>
  `${wal} is damaged at byte ${from}: what is there is not what was written, and sound frames follow through byte ${through}. ` +
  `A crash cannot leave that. SQLite would silently drop ${transactions === 1 ? "one transaction" : `${transactions} transactions`}`;

/** How far the log reached and what was promised, as the mark says it. */
export const markWords = ({ last, currentTerm, votedFor }: Promises): string =>
  `the log reached entry ${last.index} (term ${last.term}), and the node was in term ${currentTerm} with ` +
  (votedFor === null ? "no vote" : `a vote for ${votedFor}`);

/** Added to a finding when the files are set aside. */
export const refillWords = (finding: string, { currentTerm, votedFor }: Promises, folder: string): string =>
  `${withoutStop(finding)}. This node goes on with its term ${currentTerm} and ${votedFor === null ? "no vote" : `its vote for ${votedFor}`}. ` +
  `The damaged files are in ${folder}; nothing was deleted`;

export const startsAnewWords = (finding: string, folder: string): string =>
  `${withoutStop(finding)}. This node had promised nothing yet, so it starts anew. The damaged files are in ${folder}; nothing was deleted`;

const loneVoterRemedy = (dataDir: string): string =>
  `Copy the directory first. See whether what is left here can go on: graft recover --data-dir ${dataDir}. Otherwise restore the ` +
  `latest backup into an empty data_dir (graft restore). But if other nodes have joined since, and run the cluster, do neither: give ` +
  `this node an empty data_dir and [cluster] join, as a new one.`;

const joinRemedy =
  "Give the node an empty data_dir and [cluster] join = [addresses of members] in the place of bootstrap, start it, then: " +
  "graft cluster add ID ADDRESS. Keep this directory. That needs a leader. If the other nodes cannot elect one, since too few of " +
  "them have sound data, recover from the best data directory (graft recover), or restore the latest backup.";

const onlyVoterRemedy = "The only voter of a cluster: graft recover --data-dir.";

/** The node is the only voter: no other node has its data. */
export const loneVoterDamaged = (dataDir: string, finding: string): GraftError =>
  new GraftError(
    "damaged",
    `${withoutStop(finding)}. This node is the only voter, so no other node can refill it. Nothing was changed. ${loneVoterRemedy(dataDir)}`,
  );

/** The data is damaged, and the mark, which would hold the promises, cannot be relied on either. */
export const markDamagedToo = (mark: string, finding: string): GraftError =>
  new GraftError(
    "damaged",
    `${withoutStop(finding)}. ${mark} is damaged as well, so this node cannot know what it has voted for and must not take part with ` +
      `this data. Nothing was changed. ${joinRemedy} ${onlyVoterRemedy}`,
  );

export const markMissing = (mark: string, file: string, finding: "none" | "unreadable"): GraftError =>
  new GraftError(
    "damaged",
    `${mark} is ${finding === "none" ? "missing" : "damaged"}, and ${file} holds data. Without the mark this node cannot know whether the ` +
      `data is complete and what it has voted for. Nothing was changed. Put the mark back if you have moved it. Otherwise: ` +
      `${joinRemedy} ${onlyVoterRemedy}`,
  );

export const markOfAnotherNode = (mark: string, file: string): GraftError =>
  new GraftError(
    "damaged",
    `${mark} belongs to a node that has only just begun, and ${file} holds data. Nothing was changed. Put the mark back that ` +
      `belongs to this data. Without it: ${joinRemedy}`,
  );

export const markOfOtherFormat = (mark: string, format: number, known: number): GraftError =>
  new GraftError(
    "storage",
    `${mark} has the data format ${format}, and this version of Graft knows only format ${known}. Nothing was changed. Start ` +
      `the version of Graft that wrote it, or name another data_dir.`,
  );
