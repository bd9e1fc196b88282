// What is a seed's story about? A draw of everything at once seldom brings together what has to meet for a rare state. So most
// seeds have a theme: a few kinds of bad luck are frequent, and the cluster is one in which they matter. The rest is drawn as ever.
import type { Chance } from "./chance.ts";
import type { Pace } from "./pace.ts";
import { neverAtMoments } from "./worst-moments.ts";

type Theme = (pace: Pace, chance: Chance) => Pace;

/** The members change all the time, leadership moves with them, and most clusters keep short logs. */
const members: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  const drawn: Pace = {
    ...pace,
    founders: chance.pick([3, 3, 4, 5]),
    spares: 2,
    member: chance.happens(0.8) ? shortOf(pace, chance) : pace.member,
    // The joint phase of a change takes two rounds.
    network: { ...pace.network, delayMs: { low: 0.01 * timeout, high: 0.2 * timeout } },
    administrator: {
      ...pace.administrator,
      everyMs: timeout * chance.between(0.05, 0.5),
      timeoutMs: { low: 2 * timeout, high: 4 * timeout },
      // No node sleeps for as long.
      echoMs: 6 * timeout,
      meanwhile: 0.6,
      cutOff: 0.3,
      weights: { change: 6, handOver: 1, bringBack: 1 },
    },
    faults: {
      ...only(
        {
          isolate: 2,
          pause: 2,
          crashLeader: 1.5,
          crash: 1.5,
          powerCut: 1,
          wipe: 0.5,
          move: 0.5,
          stop: 0.5,
          fullDisk: 0.5,
          stuckDisk: 0.5,
        },
        pace,
      ),
      everyMs: timeout * chance.between(2, 8),
      downMs: { low: timeout, high: 5 * timeout },
      pauseMs: { low: timeout, high: 4 * timeout },
      cutMs: { low: 2 * timeout, high: 6 * timeout },
      damage: chance.pick([0, 0.5]),
    },
    // The events are for the members.
    workload: { ...pace.workload, clients: chance.pick([1, 3]), thinkMs: { low: 0.1, high: 0.5 * timeout } },
    worstMoments: { ...pace.worstMoments, often: { ...neverAtMoments, changed: chance.pick([0, 0, 0.2, 0.5]) } },
  };
  return {
    ...drawn,
    // A step waits for its learners, and other changes come before it is taken.
    network: { ...drawn.network, bulkMs: { low: 0, high: chance.pick([0, 0, 3]) * timeout } },
    // A member that has lost its log has to find the others in spite of a liar.
    liars: drawn.faults.damage > 0 ? { ...pace.liars, stranger: 0.5 * timeout } : pace.liars,
  };
};

/** Nodes fall behind, and leaders have only snapshots for them. */
const snapshots: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 5]),
    // What one leader has only in a snapshot the next one may have in its log.
    member: { ...shortOf(pace, chance), tails: [0, 50] },
    // Other leaders send the log while a snapshot is on its way.
    network: { ...pace.network, bulkMs: { low: 0, high: chance.pick([0, 4]) * timeout } },
    administrator: handingOver(pace, chance),
    faults: {
      ...often(pace, { crash: 2, pause: 1, isolate: 3, split: 1, fullDisk: 0.5 }),
      everyMs: timeout * chance.between(1, 3),
      cutMs: { low: 2 * timeout, high: 10 * timeout },
      damage: chance.pick([0.3, 0.8]),
    },
    workload: { ...pace.workload, clients: 6, thinkMs: { low: 0.1, high: 20 } },
  };
};

/** Disks are full, or do not answer. */
const disks: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 5]),
    member: { ...pace.member, disk: { inlineWrites: 0, diskMs: { low: 0.1, high: chance.pick([5, 50]) } } },
    administrator: handingOver(pace, chance),
    faults: {
      ...only({ lowDisk: 1.5, fullDisk: 1.5, stuckDisk: 3, crash: 1.5, isolate: 3, pause: 1 }, pace),
      everyMs: timeout * chance.between(1, 4),
      diskMs: { low: 2 * timeout, high: 12 * timeout },
      cutMs: { low: 2 * timeout, high: 6 * timeout },
    },
    workload: { ...pace.workload, clients: 6 },
  };
};

/** Disks lose data, it takes long to copy it, and a node that was never added offers its own. */
const losses: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  const settings = { ...pace.member.settings, messageBytesMax: 100, windowEntriesMax: 2 };
  return {
    ...pace,
    founders: chance.pick([3, 4, 5]),
    // The founding does not name them, so what is left of their data does not say that they are members.
    spares: Math.max(pace.spares, 1),
    liars: { ...pace.liars, stranger: 0.5 * timeout },
    member: { ...pace.member, settings },
    network: { ...pace.network, delayMs: { low: 0.01 * timeout, high: chance.pick([0.05, 0.2]) * timeout } },
    administrator: {
      ...handingOver(pace, chance),
      growsFirst: true,
      timeoutMs: { low: 2 * timeout, high: 4 * timeout },
      // No node sleeps for as long.
      echoMs: 6 * timeout,
    },
    faults: {
      ...only({ crash: 3, crashLeader: 2, isolate: 3, pause: 1, fullDisk: 0.5, lag: 0.5 }, pace),
      everyMs: timeout * chance.between(1, 4),
      pauseMs: { low: 0.5 * timeout, high: 4 * timeout },
      cutMs: { low: 2 * timeout, high: 6 * timeout },
      damage: chance.pick([0.5, 0.9]),
      lostMark: Math.max(pace.faults.lostMark, 0.15),
    },
  };
};

/** Leaders are cut off, slow or asleep while clients ask them. */
const leaders: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 5]),
    administrator: handingOver(pace, chance),
    faults: {
      ...often(pace, { isolate: 3, pause: 3, sleepLeader: 3, oneWay: 1, lag: 1, crashLeader: 1 }),
      everyMs: timeout * chance.between(1, 4),
      pauseMs: { low: timeout, high: 10 * timeout },
    },
    workload: { ...pace.workload, clients: 6 },
  };
};

/** One leader after the other ends early, with entries that few have. */
const rotation: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  const rate = chance.between(0.3, 0.9);
  return {
    ...pace,
    founders: chance.pick([3, 4, 5, 5]),
    member: {
      ...pace.member,
      settings: {
        ...pace.member.settings,
        heartbeatIntervalMs: timeout / chance.pick([3, 4]),
        messageBytesMax: chance.pick([1, 100, 500]),
        windowEntriesMax: chance.pick([1, 4, 16]),
      },
      disk: {
        inlineWrites: chance.pick([0, 0.5]),
        diskMs: { low: 0.001 * timeout, high: chance.pick([0.01, 0.05]) * timeout },
      },
    },
    network: {
      ...pace.network,
      delayMs: { low: 0.001 * timeout, high: chance.pick([0.01, 0.03]) * timeout },
      redialMs: { low: 0.01 * timeout, high: 0.1 * timeout },
    },
    faults: {
      // A log is cut while its disk does not answer.
      ...often(pace, { stuckDisk: 2 }),
      everyMs: timeout * chance.between(2, 8),
      downMs: { low: 0.05 * timeout, high: chance.pick([1, 4]) * timeout },
    },
    worstMoments: {
      often: { ...neverAtMoments, freshLeader: rate, committed: rate / 2, fullFollower: chance.pick([0, 0.5]) },
      freshMs: { low: 0.05 * timeout, high: 0.4 * timeout },
    },
    workload: {
      ...pace.workload,
      clients: 1,
      thinkMs: { low: 0.1 * timeout, high: chance.pick([0.5, 2]) * timeout },
    },
  };
};

/** Elections meet, between nodes that crash and come back at once. */
const duels: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([2, 3, 3, 3, 4, 5]),
    member: { ...pace.member, settings: { ...pace.member.settings, heartbeatIntervalMs: timeout / 3 } },
    network: {
      ...pace.network,
      delayMs: { low: 0.001 * timeout, high: chance.between(0.1, 0.4) * timeout },
      redialMs: { low: 0.001 * timeout, high: 0.02 * timeout },
      outlives: 0.9,
    },
    faults: {
      ...often(pace, { crashLeader: 4, powerCut: 1, isolate: 1, ring: 1, lag: 4, pause: 2 }),
      everyMs: timeout * chance.between(1, 3),
      downMs: { low: 0.01 * timeout, high: 0.5 * timeout },
      lagMs: { low: 0.5 * timeout, high: 3 * timeout },
    },
    worstMoments: { ...pace.worstMoments, often: { ...neverAtMoments, voted: chance.between(0, 0.6) } },
    workload: {
      ...pace.workload,
      clients: chance.pick([1, 2]),
      thinkMs: { low: 0.1 * timeout, high: chance.pick([0.5, 2]) * timeout },
    },
  };
};

/** Logs are short, and nodes are away for long. */
const compaction: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 4, 5]),
    member: {
      ...pace.member,
      settings: { ...pace.member.settings, tailEntriesMax: chance.pick([0, 3]), snapshotsHeldMax: 1 },
      snapshotPolicy: { everyEntries: chance.pick([2, 5, 15]), everyBytes: 1e9 },
      disk: { ...pace.member.disk, inlineWrites: chance.pick([0, 0.5, 1]) },
    },
    faults: {
      ...pace.faults,
      downMs: { low: 0.5 * timeout, high: 6 * timeout },
      cutMs: { low: timeout, high: 6 * timeout },
    },
  };
};

/** Clients have many commands under way at once, over connections that break. */
const busy: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 5]),
    network: {
      ...pace.network,
      delayMs: { low: 0.01 * timeout, high: chance.pick([0.05, 0.2]) * timeout },
      outlives: 0.9,
    },
    faults: {
      ...often(pace, { resetClients: 4, crashLeader: 2, isolate: 1, pause: 1 }),
      everyMs: timeout * chance.between(0.5, 3),
    },
    workload: {
      ...pace.workload,
      clients: chance.pick([1, 2]),
      atOnce: 8,
      thinkMs: { low: 0.1, high: 0.1 * timeout },
      timeoutMs: { low: 2 * timeout, high: 20 * timeout },
    },
  };
};

/** Snapshots every few entries, and no log behind them. */
function shortOf({ member }: Pace, chance: Chance): Pace["member"] {
  return {
    ...member,
    settings: { ...member.settings, tailEntriesMax: 0, snapshotsHeldMax: 1 },
    snapshotPolicy: { everyEntries: chance.pick([3, 3, 10]), everyBytes: 1e9 },
    workMs: { low: 0.01, high: chance.pick([0.1, 1]) },
  };
}

/** Copies of the state machine go wrong, one at a time, while nodes crash and fall behind. Only an administrator could lose the right ones. */
const copies: Theme = (pace, chance) => {
  const { electionTimeoutMs: timeout } = pace.member.settings;
  return {
    ...pace,
    founders: chance.pick([3, 3, 4, 5]),
    spares: 0,
    administrator: { ...pace.administrator, everyMs: 0 },
    certificates: { ...pace.certificates, lifeMs: null },
    trouble: { ...pace.trouble, poison: null },
    member: {
      ...pace.member,
      compareEvery: chance.pick([4, 16]),
      snapshotPolicy: { everyEntries: chance.pick([20, 100, 1_000_000]), everyBytes: 1e9 },
    },
    faults: {
      ...only(
        { spoilCopy: 6, crash: 1, crashLeader: 1, isolate: 1, split: 1, pause: 1, reset: 1, lag: 1, nothing: 2 },
        pace,
      ),
      everyMs: timeout * chance.between(2, 8),
      damage: 0,
      forgery: 0,
      tornMark: 0,
      lostMark: 0,
    },
    // A copy stays wrong for a while, and its node crashes meanwhile.
    network: { ...pace.network, bulkMs: { low: 0, high: chance.pick([0, 4]) * timeout } },
    worstMoments: {
      often: { ...neverAtMoments, named: 0.4 },
      freshMs: { low: timeout, high: 6 * timeout },
    },
    workload: { ...pace.workload, clients: chance.pick([3, 6]), thinkMs: { low: 0.1, high: 0.1 * timeout } },
  };
};

const handingOver = ({ administrator, member }: Pace, chance: Chance): Pace["administrator"] => ({
  ...administrator,
  everyMs: member.settings.electionTimeoutMs * chance.between(0.3, 2),
  weights: { change: 1, handOver: 3, bringBack: 1 },
});

const themes = { copies, members, snapshots, disks, losses, leaders, rotation, duels, compaction, busy };

export type ThemeName = keyof typeof themes;

/** What happens to members is the rarest. */
const frequency: Readonly<Record<Exclude<ThemeName, "busy" | "copies">, number>> = {
  members: 3,
  snapshots: 1,
  disks: 1,
  losses: 1,
  leaders: 1,
  rotation: 1,
  duels: 1,
  compaction: 1,
};

/** How many seeds have one; and how many have busy clients, or copies that go wrong, whatever else they would have had. */
const share = 0.75;
const busyShare = 0.1;
const copiesShare = 0.07;

/**
 * @param load draws what the clients do
 * @param told instead of the one that is drawn
 */
export function withTheme(pace: Pace, chance: Chance, load: Chance, told?: ThemeName): Pace {
  const drawn = chance.happens(share) ? chance.weighted(frequency) : null;
  const name = told ?? drawnByLoad(load) ?? drawn;
  return name === null ? pace : themes[name](pace, chance);
}

function drawnByLoad(load: Chance): ThemeName | null {
  const luck = load.fraction();
  if (luck < busyShare) return "busy";
  return luck < busyShare + copiesShare ? "copies" : null;
}

/** Just these, by weights. */
function only(weights: Partial<Pace["faults"]["weights"]>, { faults }: Pace): Pace["faults"] {
  const none = Object.fromEntries(Object.keys(faults.weights).map((name) => [name, 0]));
  return { ...faults, weights: { ...(none as Pace["faults"]["weights"]), ...weights } };
}

/** At least so often, by weights. */
function often({ faults }: Pace, least: Partial<Pace["faults"]["weights"]>): Pace["faults"] {
  const weights = { ...faults.weights };
  for (const [name, weight] of Object.entries(least)) {
    const key = name as keyof typeof weights;
    weights[key] = Math.max(weights[key], weight);
  }
  return { ...faults, weights };
}
