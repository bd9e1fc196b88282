// Cores that are wrong in one way each about votes, terms and elections. How they are made and tried is mutants.ts.
import type { WholeMutant } from "./mutants.ts";

export const votingMutants: readonly WholeMutant[] = [
  {
    name: "P3: the vote is not persisted",
    file: "core/durability.ts",
    text: "currentTerm: vote.term, votedFor: vote.votedFor });",
    by: "currentTerm: vote.term, votedFor: null });",
    from: 2004,
    events: 300,
    caughtBy: /which is not durable/,
  },
  {
    name: "P3: a vote is given before it is durable",
    file: "core/durability.ts",
    text: "if (durability.confirmed >= ticket) {",
    by: "if (ticket >= 0) {",
    also: [
      { file: "core/durability.ts", text: "state.durability.confirmed >= state.durability.voteTicket", by: "true" },
    ],
    from: 2005,
    events: 300,
    caughtBy: /durable/,
  },
  {
    name: "P4: the vote is erased when stepping down within a term",
    file: "core/step-down.ts",
    text: "if (term > state.currentTerm) next =",
    by: "next =",
    from: 2004,
    events: 300,
    caughtBy: /a vote stands for its whole term|which is not durable|ticket/,
  },
  {
    name: "P3: the genesis is told before it is durable",
    file: "core/founding.ts",
    text: 'promise(state, state.durability.issued, { kind: "send"',
    by: 'promise(state, 0, { kind: "send"',
    from: 2005,
    events: 300,
    caughtBy: /tells of a genesis that is not durable/,
  },
  {
    name: "P15: half of four voters are a majority",
    file: "core/quorum.ts",
    text: "2 * count > voters.length",
    by: "2 * count >= voters.length",
    from: 2047,
    events: 300,
    caughtBy: /no majority has voted|not on the disks of a quorum|both lead/,
  },
  {
    name: "P9: the crash of any node is a reason for an election",
    file: "core/leader-crash.ts",
    text: "role.leader !== peer || crashedLeader",
    by: "crashedLeader",
    from: 35,
    events: 300,
    caughtBy: /voids what spoke for its crash/,
  },
];
