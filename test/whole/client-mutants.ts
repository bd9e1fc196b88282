// Cores that are wrong in one way each about the sessions of clients (§6.3), and about nodes that were never added. How they are
// made and tried is mutants.ts.
import type { WholeMutant } from "./mutants.ts";

export const clientMutants: readonly WholeMutant[] = [
  {
    name: "P25: a copy of a command has its effect again",
    file: "core/sessions.ts",
    text: "if (kept === undefined) return this.#refusalOf(stamp, session);",
    by: "return this.#refusalOf(stamp, session);",
    from: 5,
    events: 1000,
    caughtBy: /takes effect at entry/,
  },
  {
    name: "P63: a command of another client has its effect in the session",
    file: "core/sessions.ts",
    text: "if (session.owner.client !== stamp.client) return foreign(stamp.id);",
    by: "",
    from: 2001,
    events: 1000,
    caughtBy: /in the session of another client/,
  },
  {
    name: "P66: a node that no configuration names is heard without a member's word",
    file: "core/hearing.ts",
    text: "hasNothingToLose(state) || isVouchedFor(state, key)",
    by: "true",
    from: 7,
    events: 300,
    caughtBy: /never added|has told of/,
  },
  {
    name: "P66: any node vouches for another",
    file: "core/hearing.ts",
    text: 'return message.kind === "requestMembersReply" ? null : heardOfUnknown',
    by: 'return message.kind === "requestMembersReply" ? message : heardOfUnknown',
    also: [
      { file: "core/vouching.ts", text: "&&\n      isKnown(state, voucher)", by: "" },
      {
        file: "core/vouching.ts",
        text: "const others = [...vouching.answers].filter(([key]) => isKnown(state, key));",
        by: "const others = vouching.answers;",
      },
    ],
    from: 2046,
    events: 1000,
    caughtBy: /never added/,
  },
  {
    name: "a client waits for a node that it does not hear, whatever its own deadline says",
    file: "client/asker.ts",
    text: "      if (attempt.dueMs <= nowMs) {\n        if (connection",
    by: "      if (attempt.dueMs <= nowMs && connection?.hasLeft(id) !== true) {\n        if (connection",
    from: 8,
    events: 1000,
    story: { faults: ["partitionClients", "cutClients", "halfOpen", "isolate", "crash"] },
    caughtBy: /longer than it would/,
  },
];
