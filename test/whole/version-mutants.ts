// Nodes that are wrong where a version of the state machine is rolled out: each in one way.
import type { WholeMutant } from "./mutants.ts";

const story = { faults: ["versions", "crash"] };

export const versionMutants: readonly WholeMutant[] = [
  {
    name: "a node applies with the newest version that it has",
    file: "node/active-version.ts",
    text: 'return { kind: "runs", plugin };',
    by: 'return { kind: "runs", plugin: versions.at(-1)! };',
    from: 2,
    events: 3000,
    story,
    caughtBy: /step|makes version \d+ active here|take different snapshots/,
  },
  {
    name: "a node that lacks the active version goes on with what it has",
    file: "node/active-version.ts",
    text: 'return { kind: "lacks", why: lack(named, versions) };',
    by: 'return { kind: "runs", plugin: versions[0]! };',
    from: 46,
    events: 3000,
    story,
    caughtBy: /step|makes version \d+ active here|take different snapshots/,
  },
  {
    name: "a snapshot is restored by the newest version",
    file: "node/applier.ts",
    text: "this.#handlers.restore(snapshot, running?.plugin ?? null)",
    by: "this.#handlers.restore(snapshot, null)",
    from: 6,
    events: 3000,
    story,
    caughtBy: /step|differ/,
  },
  {
    name: "a cut log keeps the activations of what is gone",
    file: "core/log-terms.ts",
    text: "activations: log.activations.filter(({ position }) => position.index <= through),",
    by: "activations: log.activations,",
    from: 354,
    events: 6000,
    story: { faults: ["versions", "crashLeader", "isolate", "sleepLeader"] },
    caughtBy: /./,
  },
  {
    name: "a shortened log forgets what is active at its base",
    file: "core/log-terms.ts",
    text: "activations: log.activations.filter(({ position }) => position.index >= activeIndex),",
    by: "activations: log.activations.filter(({ position }) => position.index > activeIndex),",
    from: 6,
    events: 6000,
    story,
    caughtBy: /./,
  },
  {
    name: "a leader's snapshot brings its log without the version that is active there",
    file: "core/snapshot.ts",
    text: "baseActivation: snapshot.activation,",
    by: "baseActivation: null,",
    from: 3,
    events: 6000,
    story,
    caughtBy: /./,
  },
];
