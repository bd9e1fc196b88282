// Which failures of an operation does the simulation excuse when all faults are over?
import { drainMicrotasks } from "bun:jsc";
import { expect, test } from "bun:test";
import { sessionLimits } from "../../src/core/sessions.ts";
import { GraftError } from "../../src/errors.ts";
import { Chance } from "../../src/sim/chance.ts";
import { ClientCuts } from "../../src/sim/client-cuts.ts";
import { ClientLinks } from "../../src/sim/client-links.ts";
import { SessionCount } from "../../src/sim/session-count.ts";
import { SimNetwork } from "../../src/sim/network.ts";
import { drawPace } from "../../src/sim/pace.ts";
import { Schedule } from "../../src/sim/schedule.ts";
import { type Load, Workload } from "../../src/sim/workload.ts";

const sessionMs = 1000;
const ended = new GraftError("session-expired", "the session of the command has ended");
const inDoubt = new GraftError("outcome-unknown", "its answer was lost", { cause: ended });

/** A client has the answer to a command. It is in doubt of the next one, `unusedMs` later. */
function violationsAfter(unusedMs: number): readonly string[] {
  const schedule = new Schedule();
  const chance = new Chance(1);
  const pace = drawPace(new Chance(1), new Chance(2), new Chance(3));
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
    sessionCount: new SessionCount(sessionLimits, violated),
    violated,
  });
  const begun: string[] = [];
  const load: Load = {
    commands: 0,
    *check() {},
    operate: (_, { name, commanded }) => {
      if (begun.push(name) === 1) {
        commanded();
        return Promise.resolve(null);
      }
      return new Promise((resolve) => schedule.after(unusedMs, () => resolve(inDoubt)));
    },
  };
  const thinkMs = { low: 1, high: 1 };
  const about = { clients: 1, sessionMs, silence: 0, thinkMs, addresses: ["n1.sim:7400"], members: () => null };
  const workload = new Workload(schedule, chance, { ...pace.workload, ...about, links, load, violated });
  workload.expectSuccess([]);
  while (begun.length < 3) {
    schedule.runNext();
    drainMicrotasks();
  }
  return violations;
}

test("a client is excused that does not learn what became of a command, since it did not use its session for long", () =>
  expect(violationsAfter(sessionMs)).toEqual([]));

test("a client is not excused whose session ends too early", () =>
  expect(violationsAfter(0.9 * sessionMs)).toEqual(["with all faults over, an operation failed: its answer was lost"]));
