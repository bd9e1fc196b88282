// How fast everything is in a simulation, and how much bad luck it has: drawn from its seed.
import { type SessionLimits, sessionLimits } from "../core/session-limits.ts";
import type { Chance, Range } from "./chance.ts";
import type { AdministratorPace } from "./administrator.ts";
import type { CertificatePace } from "./certificates.ts";
import type { ClientCutPace } from "./client-cuts.ts";
import type { FaultPace } from "./faults.ts";
import type { LiarPace } from "./liars.ts";
import type { MemberPace } from "./member-pace.ts";
import type { NetworkPace } from "./network.ts";
import type { TroublePace } from "./plugin-trouble.ts";
import type { SkipPace } from "./skipper.ts";
import type { StalePace } from "./stale-reads.ts";
import type { VersionPace } from "./versions.ts";
import type { WakePace } from "./wakes.ts";
import type { WorkloadOptions } from "./workload.ts";
import { neverAtMoments, type WorstMomentPace } from "./worst-moments.ts";

export interface Pace {
  readonly founders: number;
  /** Machines that are no founders. */
  readonly spares: number;
  readonly member: MemberPace;
  readonly network: NetworkPace;
  readonly clientCuts: ClientCutPace;
  readonly faults: FaultPace;
  readonly worstMoments: WorstMomentPace;
  readonly liars: LiarPace;
  readonly administrator: AdministratorPace;
  readonly certificates: CertificatePace;
  readonly stale: StalePace;
  readonly trouble: TroublePace;
  readonly skips: SkipPace;
  readonly versions: VersionPace;
  readonly wakes: WakePace;
  readonly workload: Omit<WorkloadOptions, "addresses" | "members">;
}

/** What a seed draws from: everything is measured in election timeouts. */
interface Draw {
  readonly chance: Chance;
  readonly electionTimeoutMs: number;
  readonly times: (low: number, high: number) => Range;
}

/**
 * `more` draws what is wrong with the plugin, `later` what was added last, `ofVersions` what becomes of its versions, `ofWakes` when it is
 * to be woken, and `ofSkips` whether what stops it is skipped.
 */
type PaceChances = Readonly<Record<"chance" | "more" | "later" | "ofVersions" | "ofWakes" | "ofSkips", Chance>>;

export function drawPace(chances: PaceChances): Pace {
  const { chance, more, later } = chances;
  const electionTimeoutMs = chance.pick([100, 200, 500]);
  const times: Draw["times"] = (low, high) => ({ low: low * electionTimeoutMs, high: high * electionTimeoutMs });
  const draw = { chance, electionTimeoutMs, times };
  const isNarrow = chance.happens(0.3);
  const areManaged = chance.happens(0.5);
  const sessions = drawSessions(more);
  return {
    founders: chance.pick([1, 2, 3, 3, 3, 4, 5]),
    spares: areManaged ? chance.pick([0, 1, 2]) : 0,
    member: { ...drawMember(draw, isNarrow), sessionLimits: sessions.limits },
    network: {
      delayMs: times(0.001, chance.pick([0.01, 0.05, 0.2])),
      bulkMs: times(0, 0),
      redialMs: times(0.01, chance.pick([0.1, 1])),
      silenceMs: electionTimeoutMs * chance.between(2, 8),
      crashNotice: chance.pick([0, 0.5, 1]),
      outlives: chance.pick([0, 0.3, 0.9]),
    },
    clientCuts: drawClientCuts(later, draw),
    faults: drawFaults(draw, areManaged, { ...drawMachines(more), ...drawMarks(later, areManaged) }),
    worstMoments: { often: neverAtMoments, freshMs: times(0.01, 0.4) },
    liars: {
      stranger: chance.pick([0, 0, 0, 0.5]) * electionTimeoutMs,
      thief: chance.pick([0, 0, 0, 1]) * electionTimeoutMs,
    },
    trouble: drawTrouble(more),
    skips: drawSkips(chances.ofSkips, draw),
    versions: drawVersions(chances.ofVersions, draw),
    wakes: { often: chances.ofWakes.pick([0, 0.1, 0.5]), withinMs: chances.ofWakes.pick([20, 200, 2000]) },
    certificates: { lifeMs: more.happens(0.4) ? certificateLifeMs(electionTimeoutMs) : null, noticeMs: times(1, 20) },
    stale: {
      share: more.pick([0, 0.2, 0.5]),
      maxMs: [0, 1, 0.1 * electionTimeoutMs, electionTimeoutMs, 10 * electionTimeoutMs].map(Math.ceil),
    },
    administrator: {
      everyMs: areManaged ? electionTimeoutMs * chance.between(0.1, 1.5) : 0,
      timeoutMs: times(2, chance.pick([10, 40])),
      growsFirst: false,
      echoMs: 15 * electionTimeoutMs,
      meanwhile: chance.pick([0, 0.3]),
      meanwhileMs: times(0, 0.5),
      cutOff: chance.pick([0, 0.05]),
      weights: { change: 4, handOver: chance.pick([0, 1, 6]), bringBack: 1 },
    },
    workload: {
      clients: chance.pick([1, 3, 6]),
      atOnce: later.pick([1, 1, 2, 4]),
      keys: chance.pick([1, 3, 10]),
      thinkMs: times(0.005, chance.pick([0.05, 0.5])),
      timeoutMs: times(1, chance.pick([5, 40])),
      patienceMs: 50 * electionTimeoutMs,
      sessionMs: sessions.sessionMs,
      silence: sessions.silence,
    },
  };
}

function drawVersions(chance: Chance, { electionTimeoutMs, times }: Draw): VersionPace {
  return {
    everyMs: chance.pick([0, 0, 1, 4]) * electionTimeoutMs,
    forgets: chance.pick([0, 0.1, 0.4]),
    pauseMs: times(0.1, 3),
    timeoutMs: times(2, chance.pick([10, 40])),
  };
}

function drawClientCuts(chance: Chance, { electionTimeoutMs, times }: Draw): ClientCutPace {
  return {
    partitionClients: chance.pick([0, 0.3, 1]),
    cutClients: chance.pick([0, 0, 5, 20]) * electionTimeoutMs,
    halfOpen: chance.pick([0, 0, 0.2, 0.6]),
    forMs: times(0.5, 10),
  };
}

interface Sessions extends Pick<WorkloadOptions, "sessionMs" | "silence"> {
  readonly limits: SessionLimits;
}

export const certificateLifeMs = (electionTimeoutMs: number): Range => ({
  low: 10 * electionTimeoutMs,
  high: 100 * electionTimeoutMs,
});

/** Clients that are silent sometimes lose such sessions. */
export const shortSessions: Pick<Sessions, "sessionMs" | "silence"> = { sessionMs: 1500, silence: 0.05 };

export const longSessions: Sessions = { sessionMs: 600_000, silence: 0, limits: sessionLimits };

/** In half of all seeds sessions end while there are faults, and in some of these there is hardly room for one of each client. */
function drawSessions(chance: Chance): Sessions {
  if (chance.happens(0.5)) return longSessions;
  const limits = chance.pick([
    sessionLimits,
    { ...sessionLimits, sessionsMax: 7, adminSessions: 0, clientSessionsMax: 1 },
  ]);
  return { sessionMs: chance.pick([1000, 1500, 3000]), silence: chance.pick([0.01, 0.05]), limits };
}

function drawMember({ chance, electionTimeoutMs, times }: Draw, isNarrow: boolean): Omit<MemberPace, "sessionLimits"> {
  return {
    settings: {
      electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / chance.pick([4, 6, 10]),
      messageBytesMax: isNarrow ? chance.pick([1, 100, 500]) : 1024 * 1024,
      windowEntriesMax: isNarrow ? chance.pick([1, 4, 16]) : 16_384,
      windowBytesMax: isNarrow ? 2000 : 8 * 1024 * 1024,
      tailEntriesMax: chance.pick([0, 3, 50]),
      tailBytesMax: chance.pick([1000, 8 * 1024 * 1024]),
      snapshotsHeldMax: chance.pick([1, 2, 8]),
    },
    tails: [],
    snapshotPolicy: chance.pick([
      { everyEntries: 1_000_000, everyBytes: 1e9 },
      { everyEntries: 20, everyBytes: 1e9 },
      { everyEntries: 100, everyBytes: 5000 },
    ]),
    compareEvery: 16,
    disk: { inlineWrites: chance.pick([1, 1, 0.5, 0]), diskMs: times(0.001, chance.pick([0.01, 0.1])) },
    scrubIntervalMs: chance.pick([0, 20, 200]) * electionTimeoutMs,
    workMs: { low: 0.01, high: chance.pick([0.1, 1, 20]) },
  };
}

const noMachines = { stopMachine: 0, killMachine: 0, hangMachine: 0, slowMachine: 0 };

function drawMachines(chance: Chance): typeof noMachines & { readonly clockJump: number } {
  const clockJump = chance.pick([0, 0, 1]);
  if (chance.happens(0.5)) return { ...noMachines, clockJump };
  const stopMachine = chance.pick([0, 1]);
  return {
    clockJump,
    stopMachine,
    killMachine: stopMachine,
    hangMachine: chance.pick([0, 0, 1]),
    slowMachine: chance.pick([0, 1]),
  };
}

/** A node without a mark waits for an administrator. */
function drawMarks(chance: Chance, areManaged: boolean): Pick<FaultPace, "tornMark" | "lostMark"> {
  return {
    tornMark: chance.pick([0, 0.2, 0.5]),
    lostMark: chance.pick(areManaged ? [0, 0.05, 0.3] : [0, 0, 0.05]),
  };
}

const drawSkips = (chance: Chance, { electionTimeoutMs, times }: Draw): SkipPace => ({
  isChosen: chance.happens(0.5),
  everyMs: chance.pick([2, 10]) * electionTimeoutMs,
  timeoutMs: times(1, 40),
});

function drawTrouble(chance: Chance): TroublePace {
  return {
    poison: chance.pick([null, null, null, null, null, null, "throws", "hangs"]),
    poisonAfter: chance.between(2400, 5700),
    large: chance.pick([0, 0, 0, 0.005]),
  };
}

function drawFaults(
  { chance, electionTimeoutMs, times }: Draw,
  areManaged: boolean,
  { tornMark, lostMark, ...machines }: ReturnType<typeof drawMachines> & ReturnType<typeof drawMarks>,
): FaultPace {
  return {
    everyMs: electionTimeoutMs * chance.between(0.2, chance.pick([1, 6])),
    downMs: times(0.05, chance.pick([1, 5])),
    pauseMs: times(0.2, chance.pick([2, 10])),
    sleepMs: times(1.5, 8),
    cutMs: times(0.5, chance.pick([3, 10])),
    lagMs: times(0.1, chance.pick([0.5, 3])),
    diskMs: times(0.2, chance.pick([2, 10])),
    lowMs: { low: 1000, high: chance.pick([2000, 10_000]) },
    machineMs: times(1, 40),
    slowness: { low: 5, high: 50 },
    damage: chance.pick([0, 0.2, 0.5]),
    forgery: chance.pick([0, 0, 0.1, 0.5]),
    tornMark,
    lostMark,
    weights: {
      crash: chance.pick([0, 1, 3]),
      crashLeader: chance.pick([0, 1, 3]),
      powerCut: chance.pick([0, 0, 0.5, 2]),
      wipe: chance.pick(areManaged ? [0, 0.5, 1] : [0, 0, 0.3]),
      move: areManaged ? chance.pick([0, 0, 0.5]) : 0,
      stop: chance.pick([0, 1]),
      pause: chance.pick([0, 1, 2]),
      sleepLeader: chance.pick([0, 0, 1, 3]),
      split: chance.pick([0, 1, 3]),
      oneWay: chance.pick([0, 1, 2]),
      isolate: chance.pick([0, 0, 1, 3]),
      bridge: chance.pick([0, 0, 1]),
      ring: chance.pick([0, 0, 1]),
      lag: chance.pick([0, 0, 1, 3]),
      reset: chance.pick([0, 1, 2]),
      resetClients: chance.pick([0, 1, 2]),
      lowDisk: chance.pick([0, 0, 1]),
      fullDisk: chance.pick([0, 0, 1]),
      stuckDisk: chance.pick([0, 0, 1]),
      brokenDisk: chance.pick([0, 0, 1]),
      ...machines,
      spoilCopy: 0,
      nothing: 0.5,
    },
  };
}
