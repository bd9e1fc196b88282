// When `due` runs: before the first entry that has reached the time which the state machine has asked for, once, on every node alike.
import { describe, expect, test } from "bun:test";
import { type ApplyContext, defineRawStateMachine, defineStateMachine, Rejected, v } from "graft";
import { decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createExecutor, createVersionedExecutor, type Executor } from "../../../src/adapters/plugin/executor.ts";
import { stampMsMax } from "../../../src/core/entry.ts";
import type { AppliedEntry } from "../../../src/ports/state-machine.ts";
import { tick } from "./tick.ts";

interface Diary {
  readonly lines: string[];
}

/** `ask` asks for times, and `due` for those that are in `next`, one each time. */
const diaryOf = (next: readonly number[] = [], due?: (state: Diary, ctx: ApplyContext) => unknown) => {
  const rest = [...next];
  return defineStateMachine({
    name: "diary",
    version: "1",
    create: (): Diary => ({ lines: [] }),
    snapshot: ({ lines }: Diary) => lines,
    restore: ({ lines }: Diary, line: string) => void lines.push(line),
    due:
      due ??
      ((state, ctx) => {
        state.lines.push(`due at ${ctx.timeMs}, entry ${ctx.index}`);
        const atMs = rest.shift();
        if (atMs !== undefined) ctx.wakeAt(atMs);
      }),
    commands: {
      ask: {
        input: v.object({ times: v.array(v.number()), refused: v.optional(v.boolean(), false) }),
        apply(state, { times, refused }, ctx) {
          for (const timeMs of times) ctx.wakeAt(timeMs);
          if (refused) throw new Rejected("no");
          state.lines.push(`command at ${ctx.timeMs}`);
          return state.lines.length;
        },
      },
    },
    queries: { lines: { input: v.null(), answer: ({ lines }) => lines } },
  });
};

const ask = (index: number, timeMs: number, times: readonly number[] = [], refused = false): AppliedEntry => ({
  kind: "command",
  index,
  term: 1,
  timeMs,
  payload: encodeValue(["ask", { times: [...times], refused }]),
  session: null,
  isAwaited: true,
});
const linesOf = (executor: Executor): unknown => {
  const outcome = executor.query(encodeValue(["lines", null]));
  return outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome;
};
const begin = (next: readonly number[] = []): Executor => createExecutor(checkDefinition(diaryOf(next)));
/** The same state in another executor, by way of a snapshot. */
function restored(from: Executor, into: Executor = begin()): Executor {
  const snapshot = from.snapshot();
  const restoration = into.restore(null);
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) restoration.write(chunk);
  restoration.end();
  return into;
}

describe("the time to be woken", () => {
  test.each([
    ["is what a command asks for", [150], 150],
    ["is the earliest of several", [150, 120, 180], 120],
    ["is whole milliseconds, and never before what was asked", [120.2], 121],
    ["is later than the entry that asks, whatever it asks for", [100], 101],
    ["is so also for the distant past", [Number.NEGATIVE_INFINITY], 101],
    ["is none where time never gets", [stampMsMax + 1, Number.POSITIVE_INFINITY], null],
    ["is none where nobody asks", [], null],
  ])("%s", (_, times, expected) => {
    const executor = begin();
    executor.apply(ask(1, 100, times));
    expect(executor.wakeAtMs).toBe(expected);
  });

  test("moves only to an earlier one", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    executor.apply(ask(2, 100, [170]));
    expect(executor.wakeAtMs).toBe(150);
    executor.apply(ask(3, 100, [130]));
    expect(executor.wakeAtMs).toBe(130);
  });

  test("is not what a rejected command asks for", () => {
    const executor = begin();
    expect(executor.apply(ask(1, 100, [150], true)).kind).toBe("rejected");
    expect(executor.wakeAtMs).toBeNull();
  });
});

describe("due runs", () => {
  test("at a tick, and only once time has come", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    executor.apply(tick(2, 149));
    expect(linesOf(executor)).toEqual(["command at 100"]);
    executor.apply(tick(3, 150));
    executor.apply(tick(4, 160));
    expect(linesOf(executor)).toEqual(["command at 100", "due at 150, entry 3"]);
    expect(executor.wakeAtMs).toBeNull();
  });

  test("before a command that has reached that time, whether or not a tick came, and once for all that come with it", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    executor.apply(ask(2, 170));
    executor.apply(ask(3, 170));
    expect(linesOf(executor)).toEqual(["command at 100", "due at 170, entry 2", "command at 170", "command at 170"]);
  });

  test("before a command that is rejected, too", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    executor.apply(ask(2, 170, [180], true));
    expect(linesOf(executor)).toEqual(["command at 100", "due at 170, entry 2"]);
    expect(executor.wakeAtMs).toBeNull();
  });

  test("before a session begins or ends", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    const open = { index: 2, term: 1, timeMs: 150, isAwaited: false, client: "c" } as const;
    executor.apply({ ...open, kind: "openSession", isAdmin: false, timeoutMs: 1000 });
    executor.apply(ask(3, 150, [160]));
    executor.apply({ ...open, index: 4, timeMs: 160, kind: "closeSession", session: 2 });
    expect(linesOf(executor)).toEqual([
      "command at 100",
      "due at 150, entry 2",
      "command at 150",
      "due at 160, entry 4",
    ]);
  });

  test("again when it asks again, and at most once for an entry, whatever it asks for", () => {
    const executor = begin([0, 0, 155]);
    executor.apply(ask(1, 100, [150]));
    executor.apply(tick(2, 152));
    expect(executor.wakeAtMs).toBe(153);
    executor.apply(tick(3, 152));
    executor.apply(tick(4, 153));
    executor.apply(tick(5, 154));
    expect(executor.wakeAtMs).toBe(155);
    expect(linesOf(executor)).toEqual([
      "command at 100",
      "due at 152, entry 2",
      "due at 153, entry 4",
      "due at 154, entry 5",
    ]);
  });

  test("with numbers of its own, the same on every node", () => {
    const drawn: number[] = [];
    const play = (): void => {
      const executor = createExecutor(
        checkDefinition({
          ...diaryOf([], (_, ctx) => void drawn.push(ctx.random())),
          commands: {
            ask: {
              input: v.object({ times: v.array(v.number()), refused: v.boolean() }),
              apply(_: Diary, __: unknown, ctx: ApplyContext) {
                drawn.push(ctx.random());
                ctx.wakeAt(150);
              },
            },
          },
        }),
      );
      executor.apply(ask(1, 100));
      executor.apply(ask(2, 150));
    };
    play();
    play();
    expect(drawn.slice(3)).toEqual(drawn.slice(0, 3));
    expect(new Set(drawn.slice(0, 3)).size).toBe(3);
  });

  test("in the raw style", () => {
    const said: string[] = [];
    const plugin = defineRawStateMachine({
      name: "raw",
      version: "1",
      create: () => ({
        apply(command, ctx) {
          ctx.wakeAt(ctx.timeMs + command.length);
          return command;
        },
        query: (query) => query,
        due: ({ timeMs }) => void said.push(`due at ${timeMs}`),
      }),
    });
    const executor = createExecutor(checkDefinition(plugin));
    executor.apply({ ...ask(1, 100), payload: new Uint8Array(7) } as AppliedEntry);
    executor.apply(tick(2, 107));
    expect(said).toEqual(["due at 107"]);
  });
});

describe("a snapshot", () => {
  test("holds the time, so that the restored state is woken as well", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    const other = restored(executor);
    expect(other.wakeAtMs).toBe(150);
    for (const each of [executor, other]) each.apply(tick(2, 150));
    expect(linesOf(other)).toEqual(linesOf(executor));
  });

  test("of a state that asks for nothing takes the time away from the state before", () => {
    const executor = begin();
    executor.apply(ask(1, 100, [150]));
    expect(restored(begin(), executor).wakeAtMs).toBeNull();
  });
});

describe("when another version takes over", () => {
  const version = (number: string, hasDue: boolean) => {
    const { due, ...rest } = diaryOf();
    const plugin = checkDefinition({ ...rest, version: number, ...(hasDue && { due }) });
    return { plugin, snapshots: null, id: { name: "diary", version: number, hash: number.padEnd(64, "0") } };
  };
  const activate = (index: number, timeMs: number, { id: plugin }: ReturnType<typeof version>): AppliedEntry => ({
    kind: "activate",
    index,
    term: 1,
    timeMs,
    plugin,
    isAwaited: false,
  });

  test("the time stays, and what is due is done by the one before", () => {
    const [one, two] = [version("1", true), version("2", true)];
    const executor = createVersionedExecutor([one, two]);
    executor.apply(activate(1, 90, one));
    executor.apply(ask(2, 100, [150]));
    executor.apply(activate(3, 140, two));
    expect(executor.wakeAtMs).toBe(150);
    executor.apply(activate(4, 150, one));
    expect(linesOf(executor)).toEqual(["command at 100", "due at 150, entry 4"]);
  });

  test("a version that cannot be woken lets it go, and one that can looks at the state at once", () => {
    const [can, cannot] = [version("1", true), version("2", false)];
    const executor = createVersionedExecutor([can, cannot]);
    executor.apply(activate(1, 90, can));
    executor.apply(ask(2, 100, [150]));
    executor.apply(activate(3, 140, cannot));
    expect(executor.wakeAtMs).toBeNull();
    executor.apply(activate(4, 160, can));
    expect(executor.wakeAtMs).toBe(161);
  });
});

describe("what goes wrong stops the state machine, and says where", () => {
  test.each([
    [
      "an error",
      () => {
        throw new Error("oh");
      },
      "failed at entry 2 (term 1), in due: Error: oh",
    ],
    [
      "a refusal: nobody waits for it",
      () => {
        throw new Rejected("no");
      },
      "in due: Rejected: no",
    ],
    [
      "the clock",
      () => void Date.now(),
      "in due: ForbiddenInDue: Date.now inside due: the nodes would differ; use ctx.timeMs",
    ],
    ["a promise", async () => {}, "in due: TypeError: due returned a Promise"],
  ])("%s", (_, due, message) => {
    const executor = createExecutor(checkDefinition(diaryOf([], due)));
    executor.apply(ask(1, 100, [150]));
    expect(() => executor.apply(tick(2, 150))).toThrow(message);
  });

  test.each([
    [
      "not a number",
      (ctx: ApplyContext) => ctx.wakeAt("soon" as unknown as number),
      "ctx.wakeAt takes a replicated time, ms since 1970, and was given soon",
    ],
    ["no time", (ctx: ApplyContext) => ctx.wakeAt(Number.NaN), "and was given NaN"],
  ])("%s", (_, wake, message) => {
    const executor = createExecutor(checkDefinition(diaryOf([], (__, ctx) => wake(ctx))));
    executor.apply(ask(1, 100, [150]));
    expect(() => executor.apply(tick(2, 150))).toThrow(message);
  });

  test("a plugin that asks and has no due", () => {
    const { due: _, ...rest } = diaryOf();
    const executor = createExecutor(checkDefinition(rest));
    expect(() => executor.apply(ask(1, 100, [150]))).toThrow("the state machine has no function due to call");
  });

  test("a ctx that is used after its handler", () => {
    const kept: ApplyContext[] = [];
    const plugin = diaryOf([], (_, ctx) => {
      kept.push(ctx);
      kept[0]!.wakeAt(170);
    });
    const executor = createExecutor(checkDefinition(plugin));
    executor.apply(ask(1, 100, [150]));
    executor.apply(tick(2, 150));
    expect(() => executor.apply(tick(3, 170))).toThrow("ctx.wakeAt was called when its handler had returned");
  });

  test("a due that is no function", () => {
    expect(() => checkDefinition({ ...diaryOf(), due: 5 })).toThrow("due is not a function");
  });
});
