// How does a simulation go? Faults and load come first. Then the faults end for a quorum or for all, and the cluster must serve again within
// a bound. In the end all logs are equal, and nothing waits.
import type { WholeResult } from "./whole-run.ts";
import type { World } from "./world.ts";

/** How long the cluster may take to serve again when all faults are over, in election timeouts. */
const quietTimeouts = 200;
/** How long a poison lasts when the faults are over, ms: a hang is named after five seconds. And how often leadership may move then. */
const restMs = 8000;
const restElectionsMax = 2;
const comparedWithinMs = 120_000;
/** How many operations have to succeed then. */
const successesMin = 30;
/** In events. */
const partLength = 2000;

type Parts<Result = void> = Generator<undefined, Result>;

/** Runs a simulation in parts, between which others may have the thread. `eventsMax`: how many events have faults. */
export function* runThrough(world: World, eventsMax = 20_000): Parts<WholeResult> {
  try {
    return yield* runToTheEnd(world, eventsMax);
  } catch (end) {
    if (end instanceof TooFewRight) return world.result();
    throw end;
  }
}

/** So few copies of the state machine are right that an administrator would have to choose one. */
class TooFewRight extends Error {}

function* runToTheEnd(world: World, eventsMax: number): Parts<WholeResult> {
  const { administrator, bounds, faults, members, schedule, settled, standstills, verdict, versions, workload } = world;
  while (world.events < eventsMax) {
    world.step();
    if (isPartOver(world)) yield;
  }
  endFaults(world);
  yield* outlastPoison(world);
  standstills.end(administrator.isIdle);
  // Clients have noticed by then that their connections are broken.
  const noticedMs = schedule.nowMs + 2 * world.electionTimeoutMs;
  const isDue = (): boolean => schedule.nowMs >= noticedMs && administrator.hasDone && versions.hasDone;
  const isLed = (): boolean => isDue() && settled.isLed;
  yield* until(world, "a leader that all follow, and that knows the address of each", isLed);
  workload.expectSuccess(members.map(({ address }) => address));
  bounds.calm();
  yield* until(world, "operations that succeed", () => workload.successes >= successesMin);
  faults.startAll();
  settled.resting = [];
  workload.end();
  yield* outlastWake(world);
  const isOver = (): boolean => administrator.hasDone && settled.isQuiet;
  yield* until(world, "all logs equal and applied, and nothing that waits", isOver);
  // A node that has just come back may have made the majority.
  yield* until(world, "another state in the place of each that is wrong", () => world.spoils.areReplaced && isOver());
  const areCompared = (): boolean => world.spoils.areConfirmed && isOver();
  yield* until(world, "each state compared that another node has given", areCompared, comparedWithinMs);
  yield* workload.check((what) => verdict.violated(what));
  verdict.mustHold();
  return world.result();
}

function endFaults(world: World): void {
  const {
    administrator,
    certificates,
    chance,
    faults,
    links,
    liars,
    members,
    settled,
    standstills,
    trouble,
    versions,
  } = world;
  // Every member has to say that it understands a skipped entry.
  const mustAllBeHeard = world.skips.isChosen && trouble.isPoisoned;
  faults.end(administrator.isIdle && !mustAllBeHeard ? settled.drawResting(chance) : []);
  links.end();
  administrator.end();
  versions.end();
  liars.end();
  trouble.end();
  world.spoils.end();
  standstills.rest();
  world.say("all faults have ended");
  // A node whose certificate has expired cannot dial a moved member, and so no cluster would take the new address.
  const isAlone = settled.resting.length === 0 && settled.moved.length === 0;
  const mayStay = isAlone && !mustAllBeHeard && world.leadersHandOver && administrator.isIdle;
  certificates.end(members, (member) => mayStay && world.mayLose(member));
}

/** P72: a poison stops every copy of the state machine. Leadership stays where it is, until the operator has a corrected plugin. */
function* outlastPoison(world: World): Parts {
  const { administrator, members, safety, schedule, settled, standing, trouble, verdict } = world;
  if (!trouble.isPoisoned) return;
  // Whoever leads stays, also one that is left with something else that is wrong.
  const isLed = (): boolean => settled.isLedByAny && !administrator.isHandingOver;
  yield* until(world, "a leader that all follow, of nodes with a poison", isLed);
  const endMs = schedule.nowMs + Math.max(30 * world.electionTimeoutMs, restMs);
  let [before, changes] = [safety.leaders.size, standing.changes];
  const isOver = (): boolean => {
    // A change of the members, such as the address of one that has moved, may move leadership as well.
    if (standing.changes !== changes) [before, changes] = [safety.leaders.size, standing.changes];
    return schedule.nowMs >= endMs;
  };
  yield* until(world, "the end of a wait", isOver);
  const elections = safety.leaders.size - before;
  if (elections > restElectionsMax && !world.skips.isChosen)
    verdict.violated(`${elections} elections while a poison stops the state machines`);
  if (world.skips.isChosen) return yield* skipAll(world);
  trouble.correct();
  for (const member of members) if (member.standstill !== null) member.restart();
  world.say("the plugin has been corrected");
}

/** One after the other: what is behind one is found when that is out of the way. */
function* skipAll(world: World): Parts {
  const { settled, skipper } = world;
  skipper.hurry(world.electionTimeoutMs);
  const areSkipped = (): boolean => skipper.haveAllPassed(settled.counting);
  while (!areSkipped()) {
    const before = skipper.count;
    // A copy with a fault of its own says nothing of the poison.
    for (const member of settled.counting) if (skipper.isApart(member)) member.restart();
    yield* until(world, "a poison skipped", () => skipper.count > before || areSkipped());
  }
}

/** Whoever leads next has to know when the state machine is to be woken. No command will say so any more. */
function* outlastWake(world: World): Parts {
  const { administrator, members, workload } = world;
  const isStill = (): boolean => workload.underWay === 0 && administrator.hasDone;
  yield* until(world, "the end of what is under way", isStill);
  const leader = members.find(({ isLeader, wakeAtMs }) => isLeader && wakeAtMs !== null);
  leader?.life?.run(() => void leader.node!.transfer(null));
}

function* until(world: World, what: string, holds: () => boolean, moreMs = 0): Parts {
  const { schedule, verdict } = world;
  const endMs = schedule.nowMs + quietTimeouts * world.electionTimeoutMs + moreMs;
  while (!holds()) {
    if (world.spoils.isOver) throw new TooFewRight();
    if (schedule.nowMs > endMs) verdict.violated(`not within ${quietTimeouts} election timeouts: ${what}`);
    world.step();
    if (isPartOver(world)) yield;
  }
}

const isPartOver = ({ events }: World): boolean => events % partLength === 0;
