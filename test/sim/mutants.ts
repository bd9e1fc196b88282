// Cores that are wrong in one way each: copies of src/core with one rule replaced in the text. The simulator is worth
// what it finds in them.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replaceOnce } from "../whole/mutants.ts";
import type { ProfileName } from "./profiles.ts";
import type { SimulationOptions } from "./simulate.ts";
import type { Checks, Core } from "./world.ts";

const coreFolder = join(import.meta.dir, "../../src/core");

interface Replacement {
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly text: string;
  readonly by: string;
}

export interface Mutant {
  readonly name: string;
  readonly replacements: readonly Replacement[];
  /** The profile that is most telling; default: all of them in turn. */
  readonly profile?: ProfileName;
  readonly nodes?: number;
  readonly membership?: boolean;
  readonly stranger?: boolean;
  readonly damage?: SimulationOptions["damage"];
  /** Default: nothing but figure 3.2 and liveness, so that it is the harm done that is found. */
  readonly checks?: Checks;
  /** How many seeds may pass before one catches it. */
  readonly seedsMax: number;
  readonly caughtBy: RegExp;
}

/** Loads a copy of the core with the mutant's replacements made; `dispose` removes the copy. */
export async function loadMutant(mutant: Mutant): Promise<{ readonly core: Core; readonly dispose: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "graft-mutant-"));
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    for (const file of readdirSync(coreFolder)) {
      const replacements = mutant.replacements.filter((replacement) => replacement.file === file);
      writeFileSync(join(folder, file), replacements.reduce(replaceOnce, readFileSync(join(coreFolder, file), "utf8")));
    }
    const modules = ["step", "restore", "deadline", "histories", "invariants", "sessions"].map(
      (name) => import(join(folder, `${name}.ts`)),
    );
    return { core: Object.assign({}, ...(await Promise.all(modules))) as Core, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

const all: Checks = { invariants: true, promises: true };

/**
 * This leader's heartbeats name the entry after which a follower's log cannot be longer than what was verified. One that
 * names the last agreed entry, as the thesis allows, is what these two rules are for.
 */
const heartbeatsFromBefore: Replacement = {
  file: "replication.ts",
  text: "progress.asked ? progress.nextIndex : progress.nextIndex - 1",
  by: "progress.asked ? progress.nextIndex - 1 : progress.nextIndex - 1",
};

export const mutants: readonly Mutant[] = [
  {
    name: "P1: an entry of an earlier term is committed by counting replicas",
    replacements: [
      {
        file: "commit.ts",
        text: "reached > state.commitIndex && termAt(state.log, reached) === state.currentTerm",
        by: "reached > state.commitIndex",
      },
    ],
    profile: "rotation",
    nodes: 5,
    seedsMax: 100,
    caughtBy: /Leader Completeness/,
  },
  {
    name: "P3: the vote is not persisted",
    replacements: [
      {
        file: "durability.ts",
        text: "currentTerm: vote.term, votedFor: vote.votedFor });",
        by: "currentTerm: vote.term, votedFor: null });",
      },
    ],
    profile: "duels",
    nodes: 3,
    seedsMax: 50,
    caughtBy: /Election Safety/,
  },
  {
    name: "P3: a vote is given before it is durable",
    replacements: [
      { file: "durability.ts", text: "if (durability.confirmed >= ticket) {", by: "if (ticket >= 0) {" },
      { file: "durability.ts", text: "state.durability.confirmed >= state.durability.voteTicket", by: "true" },
    ],
    profile: "duels",
    nodes: 3,
    seedsMax: 300,
    caughtBy: /Election Safety|Leader Completeness|State Machine Safety/,
  },
  {
    name: "P4: the vote is erased when stepping down within a term",
    replacements: [{ file: "step-down.ts", text: "if (term > state.currentTerm) next =", by: "next =" }],
    profile: "duels",
    nodes: 3,
    seedsMax: 300,
    caughtBy: /Election Safety/,
  },
  {
    name: "P5: logs are compared by length before term",
    replacements: [
      {
        file: "log-position.ts",
        text: "if (candidate.term !== voter.term) return candidate.term > voter.term;",
        by: "if (candidate.index !== voter.index) return candidate.index > voter.index;",
      },
      {
        file: "log-position.ts",
        text: "return candidate.index >= voter.index;",
        by: "return candidate.term >= voter.term;",
      },
    ],
    seedsMax: 100,
    caughtBy: /Leader Completeness/,
  },
  {
    name: "P5: logs are compared field by field",
    replacements: [
      {
        file: "log-position.ts",
        text: "if (candidate.term !== voter.term) return candidate.term > voter.term;",
        by: "if (candidate.term < voter.term) return false;",
      },
    ],
    profile: "wipes",
    nodes: 5,
    seedsMax: 200,
    caughtBy: /liveness/,
  },
  {
    name: "P6: a vote reply of another term is counted",
    replacements: [{ file: "election.ts", text: "isAsking && reply.term === state.currentTerm &&", by: "isAsking &&" }],
    profile: "duels",
    nodes: 3,
    seedsMax: 300,
    caughtBy: /Election Safety|Leader Completeness/,
  },
  {
    name: "P7: an asker that has fallen behind never learns the term",
    replacements: [
      {
        file: "pre-vote.ts",
        text: "return reply.term > state.currentTerm ? becomeFollower(state, reply.term, null, emit) : state;",
        by: "return state;",
      },
    ],
    profile: "wipes",
    nodes: 5,
    seedsMax: 200,
    caughtBy: /liveness/,
  },
  {
    name: "P11: entries are replaced without a conflict",
    replacements: [
      { file: "append.ts", text: "if (termAt(state.log, entry.index) !== entry.term) break;", by: "break;" },
    ],
    seedsMax: 100,
    caughtBy: /the core's own assertions|Leader Completeness|State Machine Safety/,
  },
  {
    name: "P12: the end of the log is acknowledged instead of the end of what was verified",
    replacements: [
      {
        file: "append.ts",
        text: "Math.min(role.verifiedIndex, state.durability.persistedIndex)",
        by: "state.durability.persistedIndex",
      },
      heartbeatsFromBefore,
    ],
    profile: "rotation",
    nodes: 5,
    seedsMax: 100,
    caughtBy: /the core's own assertions|liveness|Completeness|State Machine Safety|no log loses/,
  },
  {
    name: "P16: a follower commits what its leader has, matched or not",
    replacements: [
      {
        file: "append.ts",
        text: "request.leaderCommit, verifiedIndex);",
        by: "request.leaderCommit, next.log.last.index);",
      },
      heartbeatsFromBefore,
    ],
    seedsMax: 200,
    caughtBy: /the core's own assertions|State Machine Safety/,
  },
  {
    name: "P17: the leader counts itself before its own write is durable",
    replacements: [
      {
        file: "commit.ts",
        text: "key === state.self ? state.durability.persistedIndex",
        by: "key === state.self ? state.log.last.index",
      },
    ],
    profile: "rotation",
    nodes: 3,
    seedsMax: 150,
    caughtBy: /Leader Completeness|State Machine Safety/,
  },
  {
    name: "P17: a follower acknowledges before its write is durable",
    replacements: [
      {
        file: "append.ts",
        text: "Math.min(role.verifiedIndex, state.durability.persistedIndex)",
        by: "role.verifiedIndex",
      },
      { file: "append.ts", text: "return taken.log === next.log ? sendAck", by: "return taken ? sendAck" },
    ],
    profile: "rotation",
    nodes: 3,
    seedsMax: 200,
    caughtBy: /Leader Completeness|State Machine Safety|no log loses/,
  },
  {
    name: "P18: an acknowledgement of an earlier leadership is counted",
    replacements: [{ file: "replication.ts", text: "reply.term < state.currentTerm || state.role", by: "state.role" }],
    checks: all,
    seedsMax: 100,
    caughtBy: /no round is acknowledged before it is sent/,
  },
  {
    name: "P18: the refusal of an earlier term's message names a round of this term's leader",
    replacements: [
      {
        file: "append.ts",
        text: "request.term < state.currentTerm) return refuseTerm(state, from, emit)",
        by: "request.term < state.currentTerm) return reply(state, from, request.round, refusal(state, logStart), emit)",
      },
    ],
    checks: all,
    seedsMax: 300,
    caughtBy: /it answers round/,
  },
  {
    name: "P3: the genesis is told before it is durable",
    replacements: [
      {
        file: "founding.ts",
        text: 'promise(state, state.durability.issued, { kind: "send"',
        by: 'promise(state, 0, { kind: "send"',
      },
    ],
    checks: all,
    seedsMax: 20,
    caughtBy: /tells of a genesis that is not durable/,
  },
  {
    name: "P15: half of four voters are a majority",
    replacements: [{ file: "quorum.ts", text: "2 * count > voters.length", by: "2 * count >= voters.length" }],
    nodes: 4,
    seedsMax: 50,
    caughtBy: /Election Safety|Leader Completeness|State Machine Safety/,
  },
  {
    name: "P9: the crash of any node is a reason for an election",
    replacements: [{ file: "leader-crash.ts", text: "role.leader !== peer || crashedLeader", by: "crashedLeader" }],
    profile: "crashes",
    checks: all,
    seedsMax: 20,
    caughtBy: /voids what spoke for its crash/,
  },
  {
    name: "P24: a read is served without asking a quorum",
    replacements: [
      {
        file: "reads.ts",
        text: "const confirmed = confirmedRound(state, role);",
        by: "const confirmed = Number.POSITIVE_INFINITY;",
      },
    ],
    profile: "pauses",
    seedsMax: 30,
    caughtBy: /linearizable/,
  },
  {
    name: "P24: answers to messages that were sent before the read confirm it",
    replacements: [{ file: "reads.ts", text: "after: leader.round };", by: "after: 0 };" }],
    profile: "pauses",
    seedsMax: 30,
    caughtBy: /linearizable/,
  },
  {
    name: "P22: a new leader serves what it knows to be committed",
    replacements: [
      { file: "reads.ts", text: "Math.max(state.commitIndex, leader.termStartIndex);", by: "state.commitIndex;" },
    ],
    profile: "rotation",
    seedsMax: 50,
    caughtBy: /linearizable|as fresh as it says/,
  },
  {
    name: "P22: a new leader tells its followers that they are fresh",
    replacements: [
      { file: "freshness.ts", text: "if (state.commitIndex < leader.termStartIndex) return null;", by: "" },
    ],
    profile: "rotation",
    seedsMax: 100,
    caughtBy: /as fresh as it says/,
  },
  {
    name: "P42: a wiped disk takes the place of the old one",
    replacements: [
      {
        file: "founding.ts",
        text: "if (genesis.members.some((member) => member.key === state.self)) return",
        by: "if (genesis.members.some((member) => nodeIdOf(member.key) === nodeIdOf(state.self))) return",
      },
    ],
    profile: "crashes",
    seedsMax: 100,
    caughtBy: /a wiped node halts/,
  },
  {
    name: "P33: a snapshot takes a node back",
    replacements: [
      {
        file: "snapshot.ts",
        text: "state.installing !== null || position.index <= state.commitIndex) return state;",
        by: "state.installing !== null) return state;",
      },
      { file: "snapshot.ts", text: "position.index <= next.commitIndex || termAt", by: "termAt" },
      {
        file: "snapshot.ts",
        text: "if (termAt(state.log, position.index) === position.term) return",
        by: "if (false) return",
      },
    ],
    profile: "compaction",
    seedsMax: 60,
    caughtBy: /a snapshot never goes back|a snapshot fits the log|core's own assertions/,
  },
  {
    name: "P29: a snapshot is acknowledged before it is durable",
    replacements: [
      {
        file: "durability.ts",
        text: "persistedIndex: kept(durability.persistedIndex),",
        by: "persistedIndex: base.index,",
      },
    ],
    profile: "compaction",
    checks: all,
    seedsMax: 60,
    caughtBy: /durable/,
  },
];
