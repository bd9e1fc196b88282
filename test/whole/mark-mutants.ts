// Nodes that are wrong in one way each about the mark beside their data. The store in memory stands for that of SQLite here: the suites of
// both hold them to one contract.
import type { WholeMutant } from "./mutants.ts";

export const markMutants: readonly WholeMutant[] = [
  {
    name: "a node without a mark starts as if nothing had happened",
    file: "sim/memory/memory-mark.ts",
    text: "  if (mark === null) {\n    throw new GraftError(",
    by: "  if (mark === null) return syncMark(disk, markOf(disk));\n  if (mark === undefined) {\n    throw new GraftError(",
    from: 21,
    events: 1000,
    story: { theme: "losses", faults: ["lostMark", "crash", "membership"] },
    caughtBy: /starts without its mark/,
  },
  {
    name: "a node without a mark does not say that it needs an empty disk",
    file: "sim/memory/memory-mark.ts",
    text: "The mark is missing. Nothing was changed. Join the cluster again with an empty disk.",
    by: "The mark is missing. Nothing was changed.",
    from: 2003,
    events: 1000,
    story: { theme: "losses", faults: ["lostMark", "crash", "membership"] },
    caughtBy: /does not say what to do/,
  },
];
