// Cores that are wrong in one way each about the log, what is committed of it, snapshots and reads. How they are made and tried is
// mutants.ts.
import type { WholeMutant } from "./mutants.ts";

/**
 * This leader's heartbeats name the entry after which a follower's log cannot be longer than what was verified. A leader that names the
 * last agreed entry, as the thesis allows, is what these two rules are for.
 */
const heartbeatsFromBefore = {
  file: "core/replication.ts",
  text: "progress.asked ? progress.nextIndex : progress.nextIndex - 1",
  by: "progress.asked ? progress.nextIndex - 1 : progress.nextIndex - 1",
};

export const logMutants: readonly WholeMutant[] = [
  {
    name: "P1: an entry of an earlier term is committed by counting replicas",
    file: "core/commit.ts",
    text: "reached > state.commitIndex && termAt(state.log, reached) === state.currentTerm",
    by: "reached > state.commitIndex",
    from: 3,
    events: 300,
    story: { theme: "rotation" },
    caughtBy: /by counting/,
  },
  {
    name: "P11: entries are replaced without a conflict",
    file: "core/append.ts",
    text: "if (termAt(state.log, entry.index) !== entry.term) break;",
    by: "break;",
    from: 237,
    events: 300,
    story: { theme: "rotation" },
    caughtBy: /is committed|what is verified is in the log/,
  },
  {
    name: "P12: the end of the log is acknowledged instead of the end of what was verified",
    file: "core/append.ts",
    text: "Math.min(role.verifiedIndex, state.durability.persistedIndex)",
    by: "state.durability.persistedIndex",
    also: [heartbeatsFromBefore],
    from: 45,
    events: 2000,
    story: { theme: "rotation" },
    caughtBy: /confirms|acknowledged|all logs equal/,
  },
  {
    name: "P16: a follower commits what its leader has, matched or not",
    file: "core/append.ts",
    text: "request.leaderCommit, verifiedIndex);",
    by: "request.leaderCommit, next.log.last.index);",
    also: [heartbeatsFromBefore],
    from: 45,
    events: 4000,
    story: { theme: "rotation" },
    caughtBy: /for committed/,
  },
  {
    name: "P17: the leader counts itself before its own write is durable",
    file: "core/commit.ts",
    text: "key === state.self ? state.durability.persistedIndex",
    by: "key === state.self ? state.log.last.index",
    from: 2011,
    events: 300,
    caughtBy: /not on the disks of a quorum/,
  },
  {
    name: "P17: a follower acknowledges before its write is durable",
    file: "core/append.ts",
    text: "Math.min(role.verifiedIndex, state.durability.persistedIndex)",
    by: "role.verifiedIndex",
    also: [{ file: "core/append.ts", text: "return taken.log === next.log ? sendAck", by: "return taken ? sendAck" }],
    from: 2002,
    events: 300,
    caughtBy: /confirms/,
  },
  {
    name: "P18: an acknowledgement of an earlier leadership is counted",
    file: "core/replication.ts",
    text: "reply.term < state.currentTerm || state.role",
    by: "state.role",
    from: 216,
    events: 1000,
    story: { theme: "duels" },
    caughtBy: /no round is acknowledged before it is sent/,
  },
  {
    name: "P22: a new leader serves what it knows to be committed",
    file: "core/reads.ts",
    text: "Math.max(state.commitIndex, leader.termStartIndex);",
    by: "state.commitIndex;",
    from: 5,
    events: 300,
    caughtBy: /no read is served before|linearizable/,
  },
  {
    name: "P29: a snapshot is acknowledged before it is durable",
    file: "core/durability.ts",
    text: "persistedIndex: kept(durability.persistedIndex),",
    by: "persistedIndex: base.index,",
    from: 2011,
    events: 300,
    story: { theme: "compaction" },
    caughtBy: /durable/,
  },
];
