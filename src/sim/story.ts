// How much of what a seed draws takes part? A smaller story of the same violation is easier to read: fewer nodes and clients, and only
// some kinds of faults. The rest is drawn as ever.
import { Chance } from "./chance.ts";
import { certificateLifeMs, drawPace, longSessions, type Pace, shortSessions } from "./pace.ts";
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

export interface StoryOptions {
  readonly story?: Story;
  /** What clients ask; default: it is the key-value store that ships. */
  readonly drawing?: unknown;
}

/** Other seeds for what was added later, so that the rest of a seed's story stays as it is. */
const moreSeeds = 2 ** 52;
const laterSeeds = 2 ** 51;
const lastSeeds = 2 ** 50;
const versionSeeds = 2 ** 49;
const wakeSeeds = 2 ** 48;
const skipSeeds = 2 ** 47;

export interface Chances {
  readonly chance: Chance;
  readonly more: Chance;
  readonly later: Chance;
  readonly last: Chance;
  readonly ofVersions: Chance;
  readonly ofWakes: Chance;
  readonly ofSkips: Chance;
}

export const chancesOf = (seed: number): Chances => ({
  chance: new Chance(seed),
  more: new Chance(seed + moreSeeds),
  later: new Chance(seed + laterSeeds),
  last: new Chance(seed + lastSeeds),
  ofVersions: new Chance(seed + versionSeeds),
  ofWakes: new Chance(seed + wakeSeeds),
  ofSkips: new Chance(seed + skipSeeds),
});

/** What a seed draws for this story. `more` draws what is wrong with the plugin: nothing with one that draws what is asked itself. */
export function paceFor({ story = {}, drawing }: StoryOptions, chances: Omit<Chances, "last">): Pace {
  const { chance, later } = chances;
  const told = paceOf(withTheme(drawPace(chances), chance, later, story.theme), story);
  return drawing === undefined ? told : withSoundPlugin(told);
}

/** The pace of a seed, of which only the story's part counts. A kind of fault that the story names comes, also where the seed draws none. */
function paceOf(pace: Pace, { nodes = pace.founders, clients, faults }: Story): Pace {
  const workload = { ...pace.workload, clients: clients ?? pace.workload.clients };
  const told = { ...pace, founders: nodes, workload };
  if (faults === undefined) return told;
  const { electionTimeoutMs } = pace.member.settings;
  const { partitionClients, halfOpen, cutClients } = cutsOf(pace);
  const isNamed = (kind: string): boolean => faults.includes(kind);
  const named = <Kind extends string>(drawn: Readonly<Record<Kind, number>>, least: number) =>
    Object.fromEntries(
      Object.entries<number>(drawn).map(([kind, often]) => [kind, isNamed(kind) ? often || least : 0]),
    ) as Record<Kind, number>;
  return {
    ...told,
    ...sessionsOf(told, isNamed(silence)),
    ...managementOf(pace, isNamed(membership)),
    faults: {
      ...pace.faults,
      // There is always something to draw.
      weights: { ...named(pace.faults.weights, 1), nothing: Math.max(1, pace.faults.weights.nothing) },
      ...named(damageOf(pace), 0.2),
    },
    worstMoments: { ...pace.worstMoments, often: named(pace.worstMoments.often, 0.3) },
    clientCuts: {
      ...pace.clientCuts,
      ...named({ partitionClients, halfOpen }, 0.3),
      ...named({ cutClients }, 5 * electionTimeoutMs),
    },
    liars: named(pace.liars, electionTimeoutMs),
    certificates: {
      ...pace.certificates,
      lifeMs: isNamed(expiry) ? (pace.certificates.lifeMs ?? certificateLifeMs(electionTimeoutMs)) : null,
    },
    trouble: {
      ...pace.trouble,
      poison: isNamed(poison) || isNamed(skip) ? (pace.trouble.poison ?? "throws") : null,
      ...named({ large: pace.trouble.large }, 0.005),
    },
    skips: { ...pace.skips, isChosen: isNamed(skip) && (!isNamed(poison) || pace.skips.isChosen) },
    versions: {
      ...pace.versions,
      everyMs: isNamed(versions) ? pace.versions.everyMs || electionTimeoutMs : 0,
    },
    wakes: { ...pace.wakes, often: isNamed(wakes) ? pace.wakes.often || 0.5 : 0 },
  };
}

/** What happens to disks, and how often. */
const damageOf = ({ faults: { damage, forgery, tornMark, lostMark } }: Pace) => ({
  damage,
  forgery,
  tornMark,
  lostMark,
});

/** How clients are cut from nodes, and how often. */
const cutsOf = ({ clientCuts: { partitionClients, cutClients, halfOpen } }: Pace) => ({
  partitionClients,
  cutClients,
  halfOpen,
});

function sessionsOf({ workload, member }: Pace, isSilent: boolean): Pick<Pace, "workload" | "member"> {
  const named = workload.silence > 0 ? workload : shortSessions;
  const { sessionMs, silence: often } = isSilent ? named : longSessions;
  const limits = isSilent ? member.sessionLimits : longSessions.limits;
  return { workload: { ...workload, sessionMs, silence: often }, member: { ...member, sessionLimits: limits } };
}

function managementOf(
  { spares, administrator, member }: Pace,
  isManaged: boolean,
): Pick<Pace, "spares" | "administrator"> {
  if (!isManaged) return { spares: 0, administrator: { ...administrator, everyMs: 0 } };
  if (administrator.everyMs > 0) return { spares, administrator };
  return { spares: 1, administrator: { ...administrator, everyMs: member.settings.electionTimeoutMs } };
}

/** An administrator changes the members. */
const membership = "membership";
/** Every copy of the state machine stops at one command, and its code is corrected. */
const poison = "poison";
/** The same, and the command is skipped. */
const skip = "skip";
/** Questions and results of up to 8 MiB. */
const large = "large";
/** Certificates expire. */
const expiry = "expiry";
/** Clients are silent until their sessions end. */
const silence = "silence";
/** Versions of the plugin are rolled out. */
const versions = "versions";

/** The state machine asks to be woken. */
const wakes = "wakes";

/** The same with a plugin that only does what it was written to do. */
const withSoundPlugin = (pace: Pace): Pace => ({
  ...pace,
  faults: {
    ...pace.faults,
    weights: { ...pace.faults.weights, stopMachine: 0, killMachine: 0, hangMachine: 0, slowMachine: 0, spoilCopy: 0 },
  },
  trouble: { ...pace.trouble, poison: null, large: 0 },
  skips: { ...pace.skips, isChosen: false },
  versions: { ...pace.versions, everyMs: 0 },
  wakes: { ...pace.wakes, often: 0 },
  // A thief writes values of its own: it has to know which command that is.
  liars: { ...pace.liars, thief: 0 },
});

const drawn = drawPace(chancesOf(0));

/** Every kind of fault that a seed may draw for the key-value store that ships, and what an administrator does. */
export const faultKinds: readonly string[] = [
  ...Object.keys(drawn.faults.weights).filter((name) => name !== "nothing"),
  ...Object.keys(drawn.worstMoments.often),
  ...Object.keys(drawn.liars),
  ...Object.keys(cutsOf(drawn)),
  ...Object.keys(damageOf(drawn)),
  poison,
  skip,
  large,
  silence,
  expiry,
  membership,
  versions,
  wakes,
];

/** Those that only the key-value store can have. */
export const keyValueKinds: readonly string[] = [
  "stopMachine",
  "killMachine",
  "hangMachine",
  "slowMachine",
  "spoilCopy",
  poison,
  skip,
  large,
  "thief",
  versions,
  wakes,
];

/** Those that every other plugin can have. */
export const faultKindsOfAnyPlugin: readonly string[] = faultKinds.filter((kind) => !keyValueKinds.includes(kind));

/** The kinds that come with this seed. */
export function kindsDrawn(options: StoryOptions & { readonly seed: number }): readonly string[] {
  const pace = paceFor(options, chancesOf(options.seed));
  const { faults, worstMoments, liars, trouble, skips, certificates, workload, administrator } = pace;
  const often: Readonly<Record<string, number>> = {
    ...faults.weights,
    ...worstMoments.often,
    ...liars,
    ...cutsOf(pace),
    ...damageOf(pace),
    [poison]: trouble.poison === null || skips.isChosen ? 0 : 1,
    [skip]: trouble.poison !== null && skips.isChosen ? 1 : 0,
    [large]: trouble.large,
    [silence]: workload.silence,
    [expiry]: certificates.lifeMs === null ? 0 : 1,
    [membership]: administrator.everyMs,
    [versions]: pace.versions.everyMs,
    [wakes]: pace.wakes.often,
  };
  return faultKinds.filter((kind) => often[kind]! > 0);
}
