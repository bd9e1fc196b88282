// What `graft sim` says in the end, and when it advises what.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { explain } from "../../src/cli/explain-error.ts";
import { failureOf, failureOutside, stuckFailure } from "../../src/cli/sim-failure.ts";
import { type About, summaryOf, summaryWords } from "../../src/cli/sim-summary.ts";
import { emptySum, type Sum } from "../../src/sim/runner.ts";
import type { Finding } from "../../src/sim/worker-messages.ts";

const about: About = {
  assignment: {
    first: 5,
    count: 3,
    forMs: null,
    events: 20_000,
    story: {},
    plugin: "./shop.ts",
    directory: "/",
    isTraced: false,
    isShrunk: false,
  },
  path: "./shop.ts",
  plugin: { name: "shop", version: "2.0.0", whyShared: null },
};
const finding: Finding = { seed: 7, events: 1, story: {}, details: "a rule\n  where", after: 1, stack: null };

const summary = (sum: Partial<Sum>, stop: { readonly in: number | null; readonly at: string | null } | null = null) =>
  summaryOf({ ...emptySum(), seeds: 1, ...sum }, 2, about, stop);
const words = (...given: Parameters<typeof summary>): string => summaryWords(summary(...given), (_, text) => text);

describe("that nearly every command was rejected is said", () => {
  const advice = "Nearly every command was rejected";

  test("if more than nine of ten commands with an answer were", () => {
    expect(words({ commands: 100, answers: 60, applied: 1, rejections: 10 })).toContain(advice);
  });

  test("of commands alone: queries and what has no answer do not count", () => {
    expect(words({ commands: 10_000, answers: 5000, applied: 9, rejections: 91 })).toContain(advice);
    expect(words({ commands: 100, answers: 100, applied: 10, rejections: 90 })).not.toContain(advice);
    expect(words({ commands: 0, applied: 0, rejections: 0 })).not.toContain(advice);
  });
});

test("one of a thing is told as one", () => {
  const told = words({ elections: 1, restores: 1, changes: 1, handOvers: 1, faults: 1, damages: 1, commands: 1 });
  expect(told).not.toMatch(/\b1 \w+s\b/);
  expect(words({ elections: 2 })).toContain("2 elections");
  expect(explain(failureOf(finding, about, "untried")).message).toContain("after 1 event,");
});

test("the seeds are named", () => {
  expect(words({ seeds: 3 })).toMatch(/^seeds +5 to 7$/m);
  expect(words({ seeds: 1 })).toMatch(/^seeds +5$/m);
  expect(summary({})).toMatchObject({ firstSeed: 5 });
});

test("one that was stopped says where, and what was done before", () => {
  expect(words({ seeds: 2 }, { in: 7, at: null })).toStartWith("stopped in seed 7; the seeds before it are done\n");
  const none = words({ seeds: 0 }, { in: 5, at: "the command buy null" });
  expect(none).toBe("stopped in seed 5; no seed was done; the plugin had not returned from: the command buy null");
  expect(summary({ seeds: 2 }, { in: 7, at: null })).toMatchObject({ stopped: true, stoppedIn: 7, seeds: 2 });
});

describe("a violation", () => {
  test("for programs: no spaces that align, the first seed, and what was found before it was made shorter", () => {
    const shorter: Finding = { ...finding, seed: 2, events: 30, story: { nodes: 1, faults: [] } };
    const { next, fields, exitCode } = explain(failureOf({ ...finding, events: 900 }, about, shorter));
    const command = "graft sim --plugin ./shop.ts --seed 2 --events 30 --nodes 1 --faults none";
    expect(next).toBe(`See it again: ${command}\nRead all that happens: ${command} --trace`);
    expect(fields).toMatchObject({ firstSeed: 5, seed: 2, found: { seed: 7, events: 900 }, command });
    expect(exitCode).toBe(1);
  });

  test("that does not come again is said to depend on something else", () => {
    expect(explain(failureOf(finding, about, "lost")).next).toContain("something that no seed decides");
  });
});

test("what does not return is named, with the command that shows it again", () => {
  const at = { steps: 1, isWorking: true, seed: 6, isInPlugin: true, work: "the command buy null" };
  expect(explain(stuckFailure({ kind: "stuck", at, isLoop: true }, about))).toMatchObject({
    message: expect.stringMatching(
      /^the plugin does not return\n {2}from: the command buy null\n {2}for 5 s of processor time\n {2}seed 6,/,
    ),
    next: expect.stringMatching(/^See it again: graft sim --plugin \.\/shop\.ts --seed 6 --events 20000\n/),
    exitCode: 1,
  });
  const messageAt = (work: string): string =>
    explain(stuckFailure({ kind: "stuck", at: { ...at, isInPlugin: false, work }, isLoop: false }, about)).message;
  expect(messageAt("the command buy null")).toStartWith(
    "the simulation makes no progress\n  since the plugin returned from: the command buy null\n  for a minute, and the processor is idle\n",
  );
  expect(messageAt("")).toStartWith("the simulation makes no progress\n  for a minute");
});

test("what fails outside of the plugin's functions is told with the command that shows it again", () => {
  const error = new GraftError("plugin", "The plugin ./shop.ts fails");
  const { message, next, fields, exitCode } = explain(failureOutside(error, 6, about));
  const command = "graft sim --plugin ./shop.ts --seed 6 --events 20000";
  expect(message).toMatch(/^The plugin \.\/shop\.ts fails\n {2}seed 6, graft \S+, shop 2\.0\.0$/);
  expect(next).toBe(`See it again: ${command}\nRead what happens before: ${command} --trace`);
  expect(fields).toMatchObject({ seed: 6, events: 20_000, command });
  expect(exitCode).toBe(1);
});
