// Cores that are wrong in one way each about the members of the cluster (§4). How they are made and tried is mutants.ts.
import type { WholeMutant } from "./mutants.ts";

export const membershipMutants: readonly WholeMutant[] = [
  {
    name: "P39: while the configuration is joint the old majority alone decides",
    file: "core/quorum.ts",
    text: "return Math.min(inNew, reachedByMajority(configuration.outgoing, valueOf));",
    by: "return reachedByMajority(configuration.outgoing, valueOf);",
    from: 2004,
    events: 1000,
    caughtBy: /no majority has voted|not on the disks of a quorum|lead/,
  },
  {
    name: "P39: while the configuration is joint a majority of all decides",
    file: "core/quorum.ts",
    text: "return Math.min(inNew, reachedByMajority(configuration.outgoing, valueOf));",
    by: "return reachedByMajority([...new Set([...configuration.voters, ...configuration.outgoing])], valueOf);",
    from: 2011,
    events: 1000,
    caughtBy: /no majority has voted|not on the disks of a quorum|lead/,
  },
  {
    name: "P39: learners are counted",
    file: "core/quorum.ts",
    text: "reachedByMajority(configuration.voters, valueOf);",
    by: "reachedByMajority(configuration.members.map(({ key }) => key), valueOf);",
    from: 2011,
    events: 1000,
    caughtBy: /no majority has voted|not on the disks of a quorum|not within/,
  },
  {
    name: "P38: a change while the previous one is uncommitted",
    file: "core/membership.ts",
    text: "if (latest === undefined || latest.position.index > state.commitIndex) return",
    by: "if (latest === undefined) return",
    from: 2011,
    events: 1000,
    caughtBy: /only when the one before is committed/,
  },
  {
    name: "P9: a node takes itself for removed by what is not committed",
    file: "core/removal.ts",
    text: "const committed = committedConfiguration(next.log, next.commitIndex);",
    by: "const committed = committedConfiguration(next.log, next.log.last.index);",
    from: 2042,
    events: 1000,
    caughtBy: /takes itself for removed/,
  },
  {
    name: "P9: who has left is not told",
    file: "core/farewell.ts",
    text: "if (configuration === null || isMember(configuration, key)) return state;",
    by: "return state;",
    from: 2011,
    events: 1000,
    caughtBy: /progress is kept for members/,
  },
];
