// How much of what a seed draws takes part? A smaller story of the same violation is easier to read: fewer nodes and clients, and only
// some kinds of faults. The rest is drawn as ever.
import { Chance } from "./chance.ts";
import type { FaultName, FaultPace } from "./faults.ts";
import { drawPace, longSessions, type Pace } from "./pace.ts";

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
  const isSilent = faults.includes(silence);
  const isManaged = faults.includes(membership);
  return {
    ...told,
    workload: isSilent ? workload : { ...workload, sessionMs: longSessions.sessionMs, silence: longSessions.silence },
    member: isSilent ? pace.member : { ...pace.member, sessionLimits: longSessions.limits },
    spares: isManaged ? pace.spares : 0,
    administrator: isManaged ? pace.administrator : { ...pace.administrator, everyMs: 0 },
    faults: onlyFaults(pace.faults, faults),
    certificates: faults.includes(expiry) ? pace.certificates : { ...pace.certificates, lifeMs: null },
    trouble: {
      ...pace.trouble,
      poison: faults.includes(poison) ? pace.trouble.poison : null,
      large: faults.includes(large) ? pace.trouble.large : 0,
    },
  };
}

/** An administrator changes the members. */
const membership = "membership";
/** Every copy of the state machine stops at one command. */
const poison = "poison";
/** Questions and results of up to 8 MiB. */
const large = "large";
/** Certificates expire. */
const expiry = "expiry";
/** Clients are silent until their sessions end. */
const silence = "silence";

/** The same with a plugin that only does what it was written to do. */
export const withSoundPlugin = (pace: Pace): Pace => ({
  ...pace,
  faults: { ...pace.faults, weights: { ...pace.faults.weights, stopMachine: 0, hangMachine: 0, slowMachine: 0 } },
  trouble: { ...pace.trouble, poison: null, large: 0 },
});

/** Every kind of fault that a seed may draw, and what an administrator does. */
export const faultKinds: readonly string[] = [
  ...Object.keys(drawPace(new Chance(0), new Chance(0)).faults.weights).filter((name) => name !== "nothing"),
  "damage",
  poison,
  large,
  silence,
  expiry,
  membership,
];

function onlyFaults(pace: FaultPace, kinds: readonly string[]): FaultPace {
  const names = Object.keys(pace.weights) as FaultName[];
  const weights = Object.fromEntries(names.map((name) => [name, kinds.includes(name) ? pace.weights[name] : 0]));
  // There is always something to draw.
  weights["nothing"] = Math.max(1, pace.weights.nothing);
  return { ...pace, weights: weights as FaultPace["weights"], damage: kinds.includes("damage") ? pace.damage : 0 };
}
