// What kind of bad luck does a cluster have? Each seed draws one profile, and within it how bad things are.
// Times are in election timeouts unless their name says ms. What the faults do is faults.ts.
import type { Settings } from "../../src/core/settings.ts";
import type { Chance, Range } from "../../src/sim/chance.ts";

export const profileNames = [
  "calm",
  "lossy",
  "partitions",
  "crashes",
  "pauses",
  "slowDisks",
  "rotation",
  "wipes",
  "duels",
  "compaction",
  "everything",
] as const;
export type ProfileName = (typeof profileNames)[number];

export const faultNames = [
  "partition",
  "oneWay",
  "isolateLeader",
  "heal",
  "reset",
  "crash",
  "crashLeader",
  "powerCut",
  "pause",
  "pauseLeader",
  "wipe",
  "stall",
  "transfer",
] as const;
export type FaultName = (typeof faultNames)[number];

export interface Weather {
  readonly drop: number;
  readonly duplicate: number;
  /** How often a message takes a detour of up to `detourMs`. */
  readonly detour: number;
  readonly detourMs: number;
  readonly delayMs: Range;
  /** Whether messages between two nodes stay in order, as on one connection. */
  readonly isOrdered: boolean;
}

export interface Profile {
  readonly name: ProfileName;
  readonly settings: Settings;
  readonly weather: Weather;
  readonly disk: { readonly inline: number; readonly delayMs: Range; readonly stall: number };
  readonly faults: Readonly<Record<FaultName, number>>;
  readonly faultEveryMs: number;
  readonly partitionMs: Range;
  readonly downMs: Range;
  /** How soon a lost connection is dialled again. */
  readonly redialMs: Range;
  /** How often what is on its way outlives its connection: it may have reached the other machine. */
  readonly survivesReset: number;
  readonly pauseMs: Range;
  readonly proposeEveryMs: number;
  readonly batchMax: number;
  readonly payloadBytesMax: number;
  /** How often a fresh leader meets the fate of figure 3.7: cut off with one follower, then crashed. */
  readonly rotation: number;
  /** How often a voter crashes as soon as it has voted, and is back while the election goes on. */
  readonly voterCrash: number;
  /** How often a node that was connected with one that crashes finds out that its process has ended. */
  readonly crashNotice: number;
  /** How likely a node makes a snapshot when it has applied something, how long that and fetching one takes, how often that fails. */
  readonly snapshot: number;
  readonly snapshotMs: Range;
  readonly cutFetch: number;
  /** How likely a node crashes during the founding. */
  readonly foundingCrash: number;
}

const none = Object.fromEntries(faultNames.map((name) => [name, 0])) as Record<FaultName, number>;

const faultsOf: Readonly<Record<ProfileName, Partial<Record<FaultName, number>>>> = {
  calm: { transfer: 3, reset: 1, crash: 0.3 },
  lossy: { transfer: 1, reset: 3, stall: 0.5, crash: 0.3 },
  partitions: { partition: 4, oneWay: 3, isolateLeader: 3, heal: 3, reset: 1, transfer: 2 },
  crashes: { crash: 4, crashLeader: 4, powerCut: 0.7, wipe: 0.3, transfer: 1 },
  pauses: { pause: 3, pauseLeader: 4, transfer: 1, reset: 0.5 },
  slowDisks: { stall: 4, wipe: 0.3, crash: 2, crashLeader: 2, powerCut: 0.5, isolateLeader: 0.5, transfer: 1 },
  rotation: { crash: 1, heal: 0.5 },
  wipes: { crash: 1, heal: 0.5, wipe: 0.15 },
  duels: { crashLeader: 6, powerCut: 2, isolateLeader: 1 },
  compaction: {
    crash: 2,
    crashLeader: 1,
    partition: 2,
    isolateLeader: 2,
    heal: 3,
    reset: 1,
    wipe: 0.2,
    transfer: 1,
    pause: 1,
  },
  everything: {
    partition: 2,
    oneWay: 1.5,
    isolateLeader: 1.5,
    heal: 2,
    reset: 1,
    crash: 2,
    crashLeader: 2,
    powerCut: 0.3,
    pause: 1,
    pauseLeader: 1,
    wipe: 0.15,
    stall: 1,
    transfer: 1.5,
  },
};

/** Whether one leader after the other is cut off and crashes, as in figure 3.7. */
const isRotating = (name: ProfileName): boolean => name === "rotation" || name === "wipes";

function drawSettings(name: ProfileName, chance: Chance): Settings {
  const electionTimeoutMs = chance.pick([100, 200, 500]);
  const isNarrow = isRotating(name) || chance.happens(0.3);
  return {
    electionTimeoutMs,
    heartbeatIntervalMs: electionTimeoutMs / (name === "duels" ? 3 : chance.pick([4, 6, 10])),
    // So small that one entry goes alone: what a leader sends at once then arrives in pieces.
    messageBytesMax: isNarrow ? chance.pick([1, 100, 500]) : chance.pick([10_000, 1024 * 1024]),
    windowEntriesMax: isNarrow ? chance.pick([1, 4, 16]) : chance.pick([64, 16_384]),
    // So short that followers fall behind it all the time.
    tailEntriesMax: chance.pick([0, 3, 50]),
    tailBytesMax: chance.pick([100, 1000, 8 * 1024 * 1024]),
    snapshotsHeldMax: chance.pick([1, 2, 8]),
    windowBytesMax: isNarrow ? chance.pick([200, 2000]) : chance.pick([64 * 1024, 8 * 1024 * 1024]),
  };
}

function drawWeather(name: ProfileName, chance: Chance, timeoutMs: number): Weather {
  const isRough = name === "lossy" || (name === "everything" && chance.happens(0.7));
  const isCalm = name === "calm" || chance.happens(name === "duels" ? 0 : 0.4);
  const detours: Partial<Record<ProfileName, number>> = {
    duels: 0.3,
    rotation: 0.1,
    wipes: 0.1,
    lossy: 0.1,
    everything: 0.1,
  };
  const slowest = name === "duels" ? chance.between(0.1, 0.4) : chance.between(0.01, 0.1);
  return {
    drop: isRough ? chance.between(0.01, 0.2) : 0,
    duplicate: isRough || name === "duels" ? chance.between(0, 0.1) : 0,
    detour: isCalm ? 0 : chance.between(0, detours[name] ?? 0.02),
    detourMs: timeoutMs * chance.pick([0.3, 2, 10]),
    delayMs: { low: timeoutMs * 0.001, high: timeoutMs * (isCalm ? 0.01 : slowest) },
    isOrdered: isCalm,
  };
}

/** What the seed's `chance` makes of the profile called `name`. */
export function drawProfile(name: ProfileName, chance: Chance): Profile {
  const settings = drawSettings(name, chance);
  const timeoutMs = settings.electionTimeoutMs;
  const times = (low: number, high: number): Range => ({ low: low * timeoutMs, high: high * timeoutMs });
  const isSlowDisk = name === "slowDisks" || (name === "everything" && chance.happens(0.4));
  const isRotation = isRotating(name);
  const isDuel = name === "duels";
  return {
    name,
    settings,
    weather: drawWeather(name, chance, timeoutMs),
    disk: {
      inline: isSlowDisk || isRotation ? 0 : isDuel ? 0.3 : 0.4,
      delayMs: times(0.0005, isSlowDisk ? chance.between(0.05, 0.6) : 0.03),
      stall: isSlowDisk ? 0.02 : 0,
    },
    faults: { ...none, ...faultsOf[name] },
    faultEveryMs: timeoutMs * (name === "calm" ? 5 : isDuel ? 2 : chance.between(0.7, 3)),
    partitionMs: times(0.5, 6),
    downMs: isDuel ? times(0.01, 0.5) : times(0.05, chance.pick([1, 4])),
    redialMs: times(0, isDuel ? 0.02 : 0.2),
    survivesReset: isDuel ? 0.9 : 0.3,
    pauseMs: times(0.3, chance.pick([2, 10])),
    // Where elections are the point, the events are for them.
    proposeEveryMs: timeoutMs * (isDuel ? chance.between(0.5, 2) : chance.between(0.02, 0.3)),
    batchMax: chance.pick([1, 4, 20]),
    payloadBytesMax: chance.happens(0.1) ? 24_000 : chance.pick([4, 100, 1000]),
    rotation: isRotation ? chance.between(0.5, 0.9) : name === "everything" ? 0.05 : 0,
    voterCrash: isDuel ? 0.5 : name === "everything" ? 0.05 : 0,
    crashNotice: chance.pick([0, 0.5, 0.9]),
    snapshot: name === "compaction" ? chance.pick([0.01, 0.1, 0.4]) : chance.pick([0, 0.01, 0.05]),
    snapshotMs: times(0.01, name === "compaction" ? 6 : chance.pick([0.2, 3])),
    cutFetch: chance.between(0, 0.5),
    foundingCrash: name === "crashes" || name === "everything" ? 0.5 : 0.05,
  };
}
