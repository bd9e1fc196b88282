// Cores that are wrong in one way each about the sessions of clients (§6.3). How they are made and tried is mutants.ts.
import type { Mutant } from "./mutants.ts";

export const sessionMutants: readonly Mutant[] = [
  {
    name: "P25: a copy of a command has its effect again",
    replacements: [
      {
        file: "sessions.ts",
        text: "if (kept === undefined) return this.#refusalOf(stamp, session);",
        by: "return this.#refusalOf(stamp, session);",
      },
    ],
    seedsMax: 5,
    caughtBy: /a command takes effect once/,
  },
  {
    name: "P25: a copy that comes after the client has its answer has its effect again",
    replacements: [{ file: "sessions.ts", text: "if (sequence < session.answeredBelow) return forgotten;", by: "" }],
    seedsMax: 5,
    caughtBy: /a command takes effect once/,
  },
  {
    name: "P63: a command of another client has its effect in the session",
    replacements: [
      { file: "sessions.ts", text: "if (session.owner.client !== stamp.client) return foreign(stamp.id);", by: "" },
    ],
    seedsMax: 5,
    caughtBy: /a command takes effect once/,
  },
  {
    name: "P25: an outcome is let go of while the client waits for it",
    replacements: [
      {
        file: "sessions.ts",
        text: "if (stamp.answeredBelow > session.answeredBelow) this.#letGo(session, stamp.answeredBelow);",
        by: "if (stamp.sequence > session.answeredBelow) this.#letGo(session, stamp.sequence);",
      },
    ],
    seedsMax: 5,
    caughtBy: /no answer is forgotten too early/,
  },
];
