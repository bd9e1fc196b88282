// Nodes that are wrong where a state machine keeps its state on disk: each in one way.
import type { WholeMutant } from "./mutants.ts";

const story = { faults: ["stateOnDisk", "crash", "crashLeader", "resetClients", "wakes"] };

export const stateMutants: readonly WholeMutant[] = [
  {
    name: "clients' sessions are not committed with the data",
    file: "adapters/plugin/state-records.ts",
    text: "return changes;",
    by: "return changes.slice(-1);",
    events: 3000,
    story,
    caughtBy: /rejected on one node|takes effect/,
  },
  {
    name: "a state on disk goes on one entry too late",
    file: "adapters/plugin/kept-states.ts",
    text: "reached: position,",
    by: "reached: { ...position, index: position.index + 1 },",
    events: 3000,
    story,
    caughtBy: /differ/,
  },
  {
    name: "a state on disk goes on one entry too early",
    file: "adapters/plugin/kept-states.ts",
    text: "reached: position,",
    by: "reached: { ...position, index: position.index - 1 },",
    events: 3000,
    story,
    caughtBy: /differ/,
  },
  {
    name: "a state on disk forgets when it is to be woken",
    file: "adapters/plugin/state-records.ts",
    text: 'wakeAtMs: fields["wakeAtMs"] === null ? null : count("wakeAtMs"),',
    by: "wakeAtMs: null,",
    from: 1,
    events: 3000,
    story,
    caughtBy: /woken at different times/,
  },
  {
    name: "the core hears of a wake time beyond what it knows to be committed",
    file: "node/resumption.ts",
    text: "this.#held = held;",
    by: "this.#held = held;\n    if (held !== null) this.#wake(held.wakeAtMs, held.reached.index);",
    from: 1,
    events: 3000,
    story,
    caughtBy: /asks after what it was given/,
  },
];
