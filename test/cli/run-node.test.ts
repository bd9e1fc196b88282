// When a node is composed again in the same process, and when the process ends with it.
import { expect, test } from "bun:test";
import { Failure } from "../../src/cli/explain-error.ts";
import { restartsPerHour, type RunnableNode, runToItsEnd } from "../../src/cli/run-node.ts";
import { GraftError } from "../../src/errors.ts";

const damaged = { kind: "damaged", error: new GraftError("damaged", "entry 7 is damaged") } as const;
const stopped = { kind: "stopped" } as const;
type End = Awaited<RunnableNode["ended"]>;

/** Runs nodes that end like this, one after the other; the last one only when it is asked to. Returns how many were composed. */
async function run(ends: readonly End[], options: { readonly minutesBetween?: number } = {}) {
  const asked = Promise.withResolvers<void>();
  let composed = 0;
  let nowMs = 0;
  const logged: string[] = [];
  const compose = async (): Promise<RunnableNode> => {
    const end = ends[composed++];
    nowMs += (options.minutesBetween ?? 0) * 60_000;
    const ended = Promise.withResolvers<End>();
    return {
      start: async () => (end === undefined ? asked.resolve() : ended.resolve(end)),
      stop: async () => ended.resolve(stopped),
      ended: ended.promise,
    };
  };
  const running = runToItsEnd({
    compose,
    isAskedToStop: asked.promise,
    nowMs: () => nowMs,
    log: (_, message) => void logged.push(message),
  });
  const failure = await running.then(
    () => null,
    (error: unknown) => (error instanceof Failure ? error.error : error),
  );
  return { composed, failure, logged };
}

test("a node whose data is damaged is composed again, and says so", async () => {
  const { composed, failure, logged } = await run([damaged, damaged]);
  expect({ composed, failure }).toEqual({ composed: 3, failure: null });
  expect(logged).toHaveLength(2);
});

test("one that began with an outdated snapshot that is damaged is composed again, and loses nothing", async () => {
  const outdated = { kind: "outdated", error: damaged.error } as const;
  const { composed, failure, logged } = await run([outdated, damaged]);
  expect({ composed, failure }).toEqual({ composed: 3, failure: null });
  expect(logged).toEqual([
    `starting again with the newer snapshot, restart 1 of at most ${restartsPerHour} an hour`,
    `starting again without the damaged data, restart 2 of at most ${restartsPerHour} an hour`,
  ]);
});

test("one that fails otherwise, or was asked to stop, is not", async () => {
  const error = new Error("the disk failed");
  expect(await run([{ kind: "failed", error }])).toMatchObject({ composed: 1, failure: error });
  expect(await run([stopped])).toMatchObject({ composed: 1, failure: null });
});

test("a disk that damages everything ends it after a few attempts", async () => {
  const { composed, failure } = await run(Array.from({ length: 10 }, () => damaged));
  expect(composed).toBe(restartsPerHour + 1);
  expect(failure).toBe(damaged.error);
});

test("damage now and then is not counted together", async () => {
  const ends = Array.from({ length: 10 }, () => damaged);
  expect(await run(ends, { minutesBetween: 25 })).toMatchObject({ composed: 11, failure: null });
});

test("who asks while the plugin loads does not wait for it", async () => {
  const logged: string[] = [];
  await runToItsEnd({
    compose: () => new Promise(() => {}),
    isAskedToStop: Promise.resolve(),
    nowMs: () => 0,
    log: (_, message) => void logged.push(message),
  });
  expect(logged.join()).toContain("while the plugin was loading");
});
