// A node that writes one message again and again is found; one that holds lines of a cause back is not.
import { expect, test } from "bun:test";
import { LogLines } from "../../src/sim/log-lines.ts";

function lines(): { readonly log: LogLines; readonly flooded: string[]; pass: (ms: number) => void } {
  let nowMs = 0;
  const flooded: string[] = [];
  const log = new LogLines({ nowMs: () => nowMs, flooded: (message) => flooded.push(message) });
  return { log, flooded, pass: (ms) => (nowMs += ms) };
}

test("151 lines of one message within a second are too many, and 150 are not", () => {
  const { log, flooded } = lines();
  for (let count = 0; count < 150; count += 1) log.log("info", "again", { count });
  log.log("info", "another", {});
  expect(flooded).toEqual([]);
  log.log("info", "again", {});
  expect(flooded).toEqual(["again"]);
});

test("the same number in a longer time is not", () => {
  const { log, flooded, pass } = lines();
  for (let count = 0; count < 1_000; count += 1) {
    log.log("warn", "now and then", {});
    pass(6.7);
  }
  expect(flooded).toEqual([]);
});

test("lines of one cause are held back, and those that nobody sees do not count", () => {
  const { log, flooded } = lines();
  for (let count = 0; count < 1_000; count += 1) {
    log.log("warn", "provoked", {}, "a stranger");
    log.log("debug", "of no interest", {});
  }
  expect(flooded).toEqual([]);
});
