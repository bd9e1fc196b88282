// Cores that are wrong in one way each about the members of the cluster (§4). How they are made and tried is mutants.ts.
import type { Mutant } from "./mutants.ts";

/** Too few have decided, which the count of disks and votes finds before it does harm; or the harm that it did. */
const counted =
  /Election Safety|Leader Completeness|State Machine Safety|the core's own assertions|durable on a majority|without a majority/;

const commitRule = "const reached = reachedByQuorum(configuration, (key) =>";

export const membershipMutants: readonly Mutant[] = [
  {
    name: "P39: while the configuration is joint the new majority alone decides",
    replacements: [
      {
        file: "quorum.ts",
        text: "if (configuration.outgoing.length === 0) return inNew;",
        by: "if (inNew) return inNew;",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: counted,
  },
  {
    name: "P39: while the configuration is joint the old majority alone decides",
    replacements: [
      {
        file: "quorum.ts",
        text: "return Math.min(inNew, reachedByMajority(configuration.outgoing, valueOf));",
        by: "return reachedByMajority(configuration.outgoing, valueOf);",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: counted,
  },
  {
    name: "P39: while the configuration is joint a majority of all decides",
    replacements: [
      {
        file: "quorum.ts",
        text: "return Math.min(inNew, reachedByMajority(configuration.outgoing, valueOf));",
        by: "return reachedByMajority([...new Set([...configuration.voters, ...configuration.outgoing])], valueOf);",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: counted,
  },
  {
    name: "P39: learners are counted",
    replacements: [
      {
        file: "quorum.ts",
        text: "reachedByMajority(configuration.voters, valueOf);",
        by: "reachedByMajority(configuration.members.map(({ key }) => key), valueOf);",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: counted,
  },
  {
    name: "P37: a change before an entry of the leader's own term is committed",
    replacements: [
      { file: "membership.ts", text: " || state.commitIndex < role.termStartIndex) return", by: ") return" },
    ],
    membership: true,
    checks: { invariants: true, promises: true },
    seedsMax: 30,
    caughtBy: /no configuration is added before the term's first entry is committed/,
  },
  {
    name: "P38: a change while the previous one is uncommitted",
    replacements: [
      {
        file: "membership.ts",
        text: "if (latest === undefined || latest.position.index > state.commitIndex) return",
        by: "if (latest === undefined) return",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: counted,
  },
  {
    name: "P38: who is to vote again still leaves by an earlier step",
    replacements: [
      { file: "next-configuration.ts", text: "remove: without(step.remove, promote),", by: "remove: step.remove," },
      { file: "membership.ts", text: "checkConfiguration(configuration);", by: "" },
    ],
    membership: true,
    checks: { invariants: true, promises: true },
    seedsMax: 150,
    caughtBy: /nobody waits to vote and to leave|voters are members/,
  },
  {
    name: "P41: a configuration outlives its entry",
    replacements: [
      {
        file: "log-terms.ts",
        text: "configurations: log.configurations.filter((placed) => placed.position.index <= through),",
        by: "configurations: log.configurations,",
      },
    ],
    membership: true,
    profile: "everything",
    checks: { invariants: false, promises: true },
    seedsMax: 200,
    caughtBy:
      /Election Safety|Leader Completeness|State Machine Safety|without a majority|liveness|only who has left|is not in the log/,
  },
  {
    name: "P40: a leader that has been left out counts itself",
    replacements: [
      {
        file: "commit.ts",
        text: commitRule,
        by: "const reached = reachedByQuorum({ ...configuration, voters: [...new Set([...configuration.voters, state.self])] }, (key) =>",
      },
    ],
    membership: true,
    checks: { invariants: false, promises: true },
    seedsMax: 60,
    caughtBy: /Leader Completeness|State Machine Safety|durable on a majority/,
  },
  {
    name: "P40: who is left out by an uncommitted configuration does not stand, though it may be needed",
    replacements: [
      {
        file: "election.ts",
        text: "return latest !== undefined && latest.position.index > commitIndex && isVoter(previous!.configuration, self);",
        by: "return false;",
      },
    ],
    membership: true,
    profile: "rotation",
    seedsMax: 400,
    caughtBy: /liveness/,
  },
  {
    name: "P9: a node takes itself for removed by what is not committed",
    replacements: [
      {
        file: "removal.ts",
        text: "const committed = committedConfiguration(next.log, next.commitIndex);",
        by: "const committed = committedConfiguration(next.log, next.log.last.index);",
      },
    ],
    membership: true,
    seedsMax: 30,
    caughtBy: /only who has left is removed|the core's own assertions/,
  },
  {
    name: "P9: who has left is not told",
    replacements: [
      {
        file: "farewell.ts",
        text: "if (configuration === null || isMember(configuration, key)) return state;",
        by: "return state;",
      },
    ],
    membership: true,
    seedsMax: 60,
    caughtBy: /liveness/,
  },
];
