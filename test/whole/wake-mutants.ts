// Nodes that are wrong where a state machine asks to be woken: each in one way.
import type { WholeMutant } from "./mutants.ts";

const story = { faults: ["wakes", "crash", "crashLeader"] };

export const wakeMutants: readonly WholeMutant[] = [
  {
    name: "a new leader forgets when its state machine is to be woken",
    file: "core/leadership.ts",
    text: "bidFarewells({ ...state, crashedLeader: null, firstTerm, role })",
    by: "bidFarewells({ ...state, wake: null, crashedLeader: null, firstTerm, role })",
    from: 3,
    events: 1000,
    story,
    caughtBy: /all logs equal and applied/,
  },
  {
    name: "due runs twice",
    file: "adapters/plugin/executor.ts",
    text: 'guarded("due", () => handlers.due?.(context));',
    by: 'for (const _ of [1, 2]) guarded("due", () => handlers.due?.(context));',
    from: 6,
    events: 1000,
    story,
    caughtBy: /due runs 2 times/,
  },
  {
    name: "a snapshot lacks the time at which the state machine is to be woken",
    file: "adapters/plugin/state-sections.ts",
    text: "pieces: [originOf(plugin, state)].values()",
    by: "pieces: [originOf(plugin, { ...state, wakeAtMs: null })].values()",
    from: 6,
    events: 1000,
    story,
    caughtBy: /woken at different times/,
  },
  {
    name: "a command does not wait for what is due before it",
    file: "adapters/plugin/executor.ts",
    text: "if (wakeAtMs === null || wakeAtMs > entry.timeMs) return;",
    by: 'if (wakeAtMs === null || wakeAtMs > entry.timeMs || entry.kind === "command") return;',
    from: 13,
    events: 1000,
    story,
    caughtBy: /due runs 0 times/,
  },
  {
    name: "a version that takes over forgets when it is to be woken",
    file: "adapters/plugin/state-sections.ts",
    text: "wakeAtMs: next.due === null ? null : firstMs,",
    by: "wakeAtMs: null,",
    from: 24,
    events: 6000,
    story: { faults: ["wakes", "versions", "crash"] },
    caughtBy: /it is to be woken at/,
  },
];
