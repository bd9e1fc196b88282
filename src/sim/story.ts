// How much of what a seed draws takes part? A smaller story of the same violation is easier to read: fewer nodes and clients, and only
// some kinds of faults. The rest is drawn as ever.
import { Chance } from "./chance.ts";
import { drawPace, longSessions, type Pace } from "./pace.ts";
import { type ThemeName, withTheme } from "./themes.ts";

export interface Story {
  readonly nodes?: number;
  readonly clients?: number;
  /** Instead of the one that is drawn. */
  readonly theme?: ThemeName;
  /** Only these of `faultKinds`; empty: no faults. */
  readonly faults?: readonly string[];
}

export const nodesMax = 9;
export const clientsMax = 100;

/**
 * What a seed draws for this story. `more` draws what is wrong with the plugin: nothing with one that draws what is asked itself. `load`
 * draws how much the clients ask at once.
 */
export function paceFor(
  { story = {}, drawing }: { readonly story?: Story; readonly drawing?: unknown },
  chance: Chance,
  more: Chance,
  load: Chance,
): Pace {
  const told = paceOf(withTheme(drawPace(chance, more, load), chance, load, story.theme), story);
  return drawing === undefined ? told : withSoundPlugin(told);
}

/** The pace of a seed, of which only the story's part counts. */
function paceOf(pace: Pace, { nodes = pace.founders, clients, faults }: Story): Pace {
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
    faults: {
      ...pace.faults,
      // There is always something to draw.
      weights: { ...only(pace.faults.weights, faults), nothing: Math.max(1, pace.faults.weights.nothing) },
      damage: faults.includes("damage") ? pace.faults.damage : 0,
      forgery: faults.includes("forgery") ? pace.faults.forgery : 0,
    },
    moments: { ...pace.moments, often: only(pace.moments.often, faults) },
    liars: only(pace.liars, faults),
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
const withSoundPlugin = (pace: Pace): Pace => ({
  ...pace,
  faults: { ...pace.faults, weights: { ...pace.faults.weights, stopMachine: 0, hangMachine: 0, slowMachine: 0 } },
  trouble: { ...pace.trouble, poison: null, large: 0 },
});

const drawn = drawPace(new Chance(0), new Chance(0), new Chance(0));

/** Every kind of fault that a seed may draw, and what an administrator does. */
export const faultKinds: readonly string[] = [
  ...Object.keys(drawn.faults.weights).filter((name) => name !== "nothing"),
  ...Object.keys(drawn.moments.often),
  ...Object.keys(drawn.liars),
  "damage",
  "forgery",
  poison,
  large,
  silence,
  expiry,
  membership,
];

/** How often each of these kinds comes; all others never do. */
const only = <Kind extends string>(often: Readonly<Record<Kind, number>>, kinds: readonly string[]) =>
  Object.fromEntries(
    Object.entries<number>(often).map(([name, each]) => [name, kinds.includes(name) ? each : 0]),
  ) as Record<Kind, number>;
