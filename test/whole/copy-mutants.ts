// Nodes that are wrong where copies of the state machine are compared: each in one way.
import type { WholeMutant } from "./mutants.ts";

const story = { theme: "copies" } as const;
const events = 4000;

export const copyMutants: readonly WholeMutant[] = [
  {
    name: "only outcomes that are awaited are hashed",
    file: "adapters/plugin/executor.ts",
    text: "chain.add(entry, asHashed(entry, outcome));",
    by: "chain.add(entry, forWaiter(entry, asHashed(entry, outcome)));",
    events,
    story,
    caughtBy: /is right and is condemned|differ/,
  },
  {
    name: "a restored state begins the hash of its outcomes anew",
    file: "adapters/plugin/state-sections.ts",
    text: "state.chain = chain;",
    by: "state.chain = new OutcomeChain(chain.text.replaceAll(/./g, String(0)));",
    events,
    story,
    caughtBy: /is right and is condemned|differ|not within/,
  },
  {
    name: "a copy that is wrong goes on answering",
    file: "node/applier.ts",
    text: "if (this.#distrust !== null) return this.#pumpUnseen(this.#distrust);",
    by: "",
    also: [
      {
        file: "node/applier.ts",
        text: "return this.#failure ?? this.#distrust ?? this.#lack?.why ?? null;",
        by: "return this.#failure ?? this.#lack?.why ?? null;",
      },
    ],
    events,
    story,
    caughtBy: /gives a result, and its copy is/,
  },
  {
    name: "what is under way when a copy is found wrong is answered",
    file: "node/applier.ts",
    text: "if (why !== null) this.#underWay.refuse(`the state machine of this node ${standstillWords(why)}`);",
    by: "",
    events,
    story,
    caughtBy: /gives a result, and its copy is/,
  },
  {
    name: "nobody gives another state to a copy that is wrong",
    file: "node/copies.ts",
    text: 'if (own.standing !== "sound" || own.isGiven) return;',
    by: "if (own.number >= 0) return;",
    events,
    story,
    caughtBy: /not within/,
  },
  {
    name: "the entry before the first that differs is named",
    file: "node/known-steps.ts",
    text: "return index > from || from === after + 1 ? index : null;",
    by: "return index > from || from === after + 1 ? index - 1 : null;",
    events,
    story,
    caughtBy: /and its node names entry/,
  },
  {
    name: "the range of a copy that is wrong begins where it was found out",
    file: "node/judge-copies.ts",
    text: "return { of: place.of, after: lastAlike(place, alike), through: place.index };",
    by: "return { of: place.of, after: place.index, through: place.index };",
    events,
    story,
    caughtBy: /and its node names/,
  },
];
