// Which failures of an operation does the simulation excuse when all faults are over?
import { drainMicrotasks } from "bun:jsc";
import { expect, test } from "bun:test";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { GraftError } from "../../src/errors.ts";
import { Chance } from "../../src/sim/chance.ts";
import { ClientCuts } from "../../src/sim/client-cuts.ts";
import { ClientLinks } from "../../src/sim/client-links.ts";
import { SessionCount } from "../../src/sim/session-count.ts";
import { SimNetwork } from "../../src/sim/network.ts";
import { drawPace } from "../../src/sim/pace.ts";
import { Schedule } from "../../src/sim/schedule.ts";
import { chancesOf } from "../../src/sim/story.ts";
import { type Asker, Workload } from "../../src/sim/workload.ts";

const sessionMs = 1000;
const ended = new GraftError("session-expired", "the session of the command has ended");
const inDoubt = new GraftError("outcome-unknown", "its answer was lost");
const inDoubtForEver = new GraftError("outcome-unknown", inDoubt.message, { cause: ended });
const violation = "with all faults over, an operation failed: its answer was lost";
/** What the seed draws for the only client. */
const withSession = 1;
const withoutSession = 3;

interface Setting {
  readonly seed: number;
  readonly atOnce: number;
  /** What the nth operation of the client comes to, from 1 on. */
  readonly operate: (nth: number, asker: Asker, schedule: Schedule) => Promise<GraftError | null>;
}

/** One client. `begin` returns once so many of its operations have begun. */
function workloadOf({ seed, atOnce, operate }: Setting) {
  const schedule = new Schedule();
  const chance = new Chance(seed);
  const pace = drawPace(chancesOf(1));
  const violations: string[] = [];
  const violated = (what: string): void => void violations.push(what);
  const network = new SimNetwork(schedule, chance, pace.network, () => {});
  const whole = { partitionClients: 0, cutClients: 0, halfOpen: 0, forMs: { low: 1, high: 1 } };
  const cuts = new ClientCuts(whole, {
    schedule,
    later: chance,
    members: [],
    network,
    trace: () => {},
    happened: () => {},
  });
  const links = new ClientLinks(network, cuts, {
    chance,
    repeatMaxMs: 0,
    sentInVain: () => {},
    gaveResult: () => {},
    sessionCount: new SessionCount(sessionLimits, violated),
    violated,
  });
  const begun: string[] = [];
  const load = {
    commands: 0,
    *check() {},
    operate: (_: unknown, asker: Asker) => operate(begun.push(asker.name), asker, schedule),
  };
  const thinkMs = { low: 1, high: 1 };
  const about = { clients: 1, atOnce, sessionMs, silence: 0, thinkMs, addresses: ["n1.sim:7400"], members: () => null };
  const workload = new Workload(schedule, chance, { ...pace.workload, ...about, links, load, violated });
  const begin = (count: number): void => {
    while (begun.length < count) {
      schedule.runNext();
      drainMicrotasks();
    }
  };
  return { workload, violations, begin };
}

/** A client has the answer to a command. It is in doubt of the next one, `unusedMs` later. */
function violationsAfter(unusedMs: number): readonly string[] {
  const { workload, violations, begin } = workloadOf({
    seed: withSession,
    atOnce: 1,
    operate: (nth, { commanded }, schedule) => {
      if (nth > 1) return new Promise((resolve) => schedule.after(unusedMs, () => resolve(inDoubtForEver)));
      commanded();
      return Promise.resolve(null);
    },
  });
  workload.expectSuccess([]);
  begin(3);
  return violations;
}

test("a client is excused that does not learn what became of a command, since it did not use its session for long", () =>
  expect(violationsAfter(sessionMs)).toEqual([]));

test("a client is not excused whose session ends too early", () =>
  expect(violationsAfter(0.9 * sessionMs)).toEqual([violation]));

/** A client is in doubt of a command that it asks for when all faults are over. Its first operation began before, and ends then, or never. */
function violationsBeside(seed: number, first: "has ended" | "is under way"): readonly string[] {
  const never = new Promise<null>(() => {});
  const { workload, violations, begin } = workloadOf({
    seed,
    atOnce: 2,
    operate: (nth) => (nth === 1 && first === "is under way" ? never : Promise.resolve(nth === 3 ? inDoubt : null)),
  });
  begin(2);
  workload.expectSuccess([]);
  begin(4);
  return violations;
}

test("a client without a session is excused whose earlier operation may have given up their connection", () =>
  expect(violationsBeside(withoutSession, "is under way")).toEqual([]));

test("a client without a session is not excused once its earlier operations have ended", () =>
  expect(violationsBeside(withoutSession, "has ended")).toEqual([violation]));

test("a client with a session repeats what was lost with a connection", () =>
  expect(violationsBeside(withSession, "is under way")).toEqual([violation]));
