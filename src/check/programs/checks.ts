// The checks of a program, in the order in which they run. Each plays steps in one or two ways, in processes that are its own.
import { entryOf } from "../machine.ts";
import { type Fault, faultBetween, type Moment, type Pair, type Step } from "../transcript.ts";
import { mustBeEqual, ProgramBroken, type ProgramPlay } from "./program-play.ts";
import { remedies } from "./remedies.ts";

/** Begins a process. */
export type Begin = (environment?: Readonly<Record<string, string>>) => Promise<ProgramPlay>;

export interface ProgramCheck {
  readonly name: string;
  /** For people: the rule that a program keeps which passes. */
  readonly holds: string;
  readonly needsSnapshots: boolean;
  /** Of the runs: a check that takes long has fewer. */
  readonly share: number;
  /** Null: the program keeps it. */
  readonly play: (begin: Begin, steps: readonly Step[]) => Promise<Fault | null>;
}

/** As on another machine. */
const elsewhere = { TZ: "Pacific/Chatham", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", HOME: "/", USER: "elsewhere" };
/** Until the clock of any program shows another second. */
const otherSecondMs = 1_100;
/** Of one list. In a shorter list there is one after every command. */
const restartsMax = 6;
/** Commands of one batch have one time. */
const batchTimeMs = 1_767_225_600_000;

/** In a process that ends with it. */
async function inOne<Result>(
  begin: Begin,
  work: (play: ProgramPlay) => Promise<Result>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const play = await begin(environment);
  try {
    return await work(play);
  } finally {
    await play.close();
  }
}

async function straight(play: ProgramPlay, steps: readonly Step[]): Promise<readonly Moment[]> {
  const moments = [await play.moment(null, null, false)];
  for (const [nth, step] of steps.entries())
    moments.push(await play.moment(await play.run(step, nth), nth, nth === steps.length - 1));
  return moments;
}

/** The mistake that a play shows, or the first step at which two plays differ. */
async function compared(
  one: () => Promise<readonly Moment[]>,
  other: () => Promise<readonly Moment[]>,
  pair: Pair,
): Promise<Fault | null> {
  return broken(async () => faultBetween(await one(), await other(), pair));
}

async function broken(play: () => Promise<Fault | null>): Promise<Fault | null> {
  try {
    return await play();
  } catch (error) {
    if (error instanceof ProgramBroken) return error.fault;
    throw error;
  }
}

const runs: ProgramCheck = {
  name: "runs",
  holds: "every command is applied or rejected, and every result can be sent",
  needsSnapshots: false,
  share: 0.08,
  play: (begin, steps) =>
    broken(async () => {
      await inOne(begin, (play) => straight(play, steps));
      return null;
    }),
};

const reads: ProgramCheck = {
  name: "reads",
  holds: "a query, a rejected command and a snapshot change nothing, and no command changes a snapshot",
  needsSnapshots: true,
  share: 0.08,
  play: (begin, steps) =>
    broken(async () => {
      await inOne(begin, async (play) => {
        let before = await play.items(null);
        for (const [nth, step] of steps.entries()) before = await watch(play, step, { nth, before });
      });
      return null;
    }),
};

/** Returns the state after the step. */
async function watch(
  play: ProgramPlay,
  step: Step,
  { nth, before }: { readonly nth: number; readonly before: string },
): Promise<string> {
  const again = await play.items(nth);
  const unequal = { step: nth, rule: "two snapshots of the same state differ", remedy: remedies.unequalSnapshots };
  mustBeEqual(["the first", before], ["the second", again], unequal);
  const read = await play.freeze(nth);
  const outcome = await play.run(step, nth);
  const frozen = await read();
  const rule = "a command changes a snapshot that was taken before it";
  const kept = ["read before the command", before] as const;
  const isQuery = step.kind === "query";
  if (!isQuery) {
    mustBeEqual(kept, ["read after the command", play.textOf(frozen)], { step: nth, rule, remedy: remedies.thawed });
  }
  const after = await play.items(nth);
  if (isQuery || outcome.kind === "rejected") {
    const broke = isQuery ? "a query changes the state" : "a command that is rejected changes the state";
    const remedy = isQuery ? remedies.mutating : remedies.rejected;
    mustBeEqual(["before", before], ["after", after], { step: nth, rule: broke, remedy });
  }
  return after;
}

const repeat: ProgramCheck = {
  name: "repeat",
  holds: "the same commands come to the same in another process",
  needsSnapshots: false,
  share: 0.08,
  play: (begin, steps) => {
    const once = (): Promise<readonly Moment[]> => inOne(begin, (play) => straight(play, steps));
    const rule = "the same commands come to something else in another process";
    return compared(once, once, { rule, ways: ["in a process", "in another one"], remedy: remedies.same });
  },
};

const place: ProgramCheck = {
  name: "place",
  holds: "commands come to the same with another environment, time zone and locale",
  needsSnapshots: false,
  share: 0.05,
  play: (begin, steps) => {
    const rule = "the same commands come to something else in another environment";
    return compared(
      () => inOne(begin, (play) => straight(play, steps)),
      () => inOne(begin, (play) => straight(play, steps), elsewhere),
      { rule, ways: ["in this environment", "in another one"], remedy: remedies.same },
    );
  },
};

const batch: ProgramCheck = {
  name: "batch",
  holds: "commands come to the same one by one and together, and where nobody waits for a result",
  needsSnapshots: false,
  share: 0.05,
  play: (begin, steps) => {
    const rule = "the same commands come to something else when they come together";
    const pair = { rule, ways: ["one by one", "together, without reply"], remedy: remedies.batch } as const;
    return compared(
      () => inOne(begin, (play) => grouped(play, steps, false)),
      () => inOne(begin, (play) => grouped(play, steps, true)),
      pair,
    );
  },
};

/** Commands between two queries go together, or each by itself. */
async function grouped(play: ProgramPlay, steps: readonly Step[], isTogether: boolean): Promise<readonly Moment[]> {
  const moments: Moment[] = [await play.moment(null, null, false)];
  for (const [nth, step] of steps.entries()) {
    const isLast = nth === steps.length - 1;
    if (step.kind === "query") {
      moments.push(await play.moment(await play.run(step, nth), nth, isLast));
      continue;
    }
    const first = isTogether ? steps.findLastIndex(({ kind }, at) => at < nth && kind === "query") + 1 : nth;
    const isEnd = !isTogether || isLast || steps[nth + 1]!.kind === "query";
    const group = steps.slice(first, nth + 1);
    const entries = group.map((each, at) => ({
      ...entryOf(each, first + at),
      term: 1,
      timeMs: batchTimeMs,
      isAwaited: !isTogether,
    }));
    if (isEnd) await play.apply(entries, nth);
    // What each command came to is told in one of both ways only.
    moments.push(await play.moment(null, nth, isLast));
  }
  return moments;
}

const restart: ProgramCheck = {
  name: "restart",
  holds: "a state that is restored in a new process goes on as before",
  needsSnapshots: true,
  share: 0.02,
  play: (begin, steps) => {
    const rule = "a snapshot and its restore lose something";
    const pair = {
      rule,
      ways: ["without a restart", "restored in a new process"],
      remedy: remedies.snapshot,
    } as const;
    return compared(
      () => inOne(begin, (play) => straight(play, steps)),
      () => restarted(begin, steps),
      pair,
    );
  },
};

async function restarted(begin: Begin, steps: readonly Step[]): Promise<readonly Moment[]> {
  const commands = steps.filter(({ kind }) => kind === "command").length;
  const every = Math.ceil(commands / restartsMax);
  let done = 0;
  let play = await begin();
  try {
    const moments = [await play.moment(null, null, false)];
    for (const [nth, step] of steps.entries()) {
      const outcome = await play.run(step, nth);
      if (step.kind === "command" && ++done % every === 0) {
        const chunks = await play.snapshot(nth);
        await play.close();
        play = await begin();
        await play.restore(chunks, nth);
      }
      moments.push(await play.moment(outcome, nth, nth === steps.length - 1));
    }
    return moments;
  } finally {
    await play.close();
  }
}

const restore: ProgramCheck = {
  name: "restore",
  holds: "a snapshot replaces the state of a process that has applied other commands",
  needsSnapshots: true,
  share: 0.05,
  play: (begin, steps) => {
    const rule = "a restore leaves something of the state before";
    const pair = { rule, ways: ["a new process", "a used one"], remedy: remedies.restore } as const;
    return compared(
      () => inOne(begin, (play) => straight(play, steps)),
      () => inOne(begin, (sender) => inOne(begin, (used) => restoredInto(used, sender, steps))),
      pair,
    );
  },
};

async function restoredInto(
  used: ProgramPlay,
  sender: ProgramPlay,
  steps: readonly Step[],
): Promise<readonly Moment[]> {
  const moments = [await used.moment(null, null, false)];
  const empty = await used.snapshot(null);
  for (const [nth, step] of Array.from(steps.entries()).reverse())
    if (step.kind === "command") await used.run(step, nth);
  await used.restore(empty, null);
  for (const [nth, step] of steps.entries()) {
    await sender.run(step, nth);
    const outcome = await used.run(step, nth);
    if (step.kind === "command") await used.restore(await sender.snapshot(nth), nth);
    moments.push(await used.moment(outcome, nth, nth === steps.length - 1));
  }
  return moments;
}

const later: ProgramCheck = {
  name: "later",
  holds: "commands come to the same a second later",
  needsSnapshots: false,
  share: 0.01,
  play: async (begin, steps) => {
    const rule = "the same commands come to something else a second later";
    const fault = await compared(
      () => inOne(begin, (play) => straight(play, steps)),
      async () => {
        await Bun.sleep(otherSecondMs);
        return inOne(begin, (play) => straight(play, steps));
      },
      { rule, ways: ["at first", "a second later"], remedy: remedies.same },
    );
    return fault && { ...fault, isSlow: true };
  },
};

export const programChecks: readonly ProgramCheck[] = [runs, reads, repeat, place, batch, restart, restore, later];

/** Of the checks of a plugin. */
export const notForPrograms = [
  ["engine", "Graft does not know how a program is run"],
  ["hosts", "a program is always a process of its own"],
] as const;
