// Cores that hear a node that was never added. How they are made and tried is mutants.ts; what that node does, stranger.ts.
import type { Mutant } from "./mutants.ts";

export const strangerMutants: readonly Mutant[] = [
  {
    name: "P66: a node that no configuration names is heard without a member's word",
    replacements: [{ file: "hearing.ts", text: "hasNothingToLose(state) || isVouchedFor(state, key)", by: "true" }],
    stranger: true,
    seedsMax: 20,
    caughtBy: /only a term's leader creates entries/,
  },
  {
    name: "P66: a member that has lost its log takes itself for a newcomer",
    replacements: [
      { file: "hearing.ts", text: "isNewcomer(state) && state.refill === null;", by: "isNewcomer(state);" },
    ],
    membership: true,
    damage: "noticed",
    stranger: true,
    seedsMax: 120,
    caughtBy: /only a term's leader creates entries/,
  },
  {
    name: "P66: any node vouches for another",
    replacements: [
      {
        file: "hearing.ts",
        text: 'return message.kind === "requestMembersReply" ? null : heardOfUnknown',
        by: 'return message.kind === "requestMembersReply" ? message : heardOfUnknown',
      },
      { file: "vouching.ts", text: "&&\n      isKnown(state, voucher)", by: "" },
      {
        file: "vouching.ts",
        text: "const others = [...vouching.answers].filter(([key]) => isKnown(state, key));",
        by: "const others = vouching.answers;",
      },
    ],
    stranger: true,
    seedsMax: 60,
    caughtBy: /only a term's leader creates entries/,
  },
];
