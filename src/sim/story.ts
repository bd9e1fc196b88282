// How much of what a seed draws takes part? A smaller story of the same violation is easier to read: fewer nodes and clients, and only
// some kinds of faults. The rest is drawn as ever.
import { Chance } from "./chance.ts";
import type { FaultPace } from "./faults.ts";
import { drawPace, type Pace } from "./pace.ts";

export interface Story {
  readonly nodes?: number;
  readonly clients?: number;
  /** Only these of `faultKinds`; empty: no faults. */
  readonly faults?: readonly string[];
}

export const nodesMax = 9;
export const clientsMax = 100;

/** The pace of a seed, of which only the story's part counts. */
export function paceOf(pace: Pace, { nodes = pace.founders, clients, faults }: Story): Pace {
  const workload = { ...pace.workload, clients: clients ?? pace.workload.clients };
  const told = { ...pace, founders: nodes, workload };
  if (faults === undefined) return told;
  const isManaged = faults.includes(membership);
  return {
    ...told,
    spares: isManaged ? pace.spares : 0,
    administrator: isManaged ? pace.administrator : { ...pace.administrator, everyMs: 0 },
    faults: onlyFaults(pace.faults, faults),
  };
}

/** An administrator changes the members. */
const membership = "membership";

/** Every kind of fault that a seed may draw, and what an administrator does. */
export const faultKinds: readonly string[] = [
  ...Object.keys(drawPace(new Chance(0)).faults.weights).filter((name) => name !== "nothing"),
  "damage",
  membership,
];

function onlyFaults(pace: FaultPace, kinds: readonly string[]): FaultPace {
  const weights = Object.fromEntries(
    Object.entries(pace.weights).map(([name, weight]) => [
      name,
      name === "nothing" || kinds.includes(name) ? weight : 0,
    ]),
  ) as FaultPace["weights"];
  return { ...pace, weights, damage: kinds.includes("damage") ? pace.damage : 0 };
}
