// What an activation says of an entry that is skipped: it stands before the activation.
import { expect, test } from "bun:test";
import { readActivated, readActivation } from "../../../src/adapters/cbor/plugin-version.ts";

const plugin = ["kv", "2.0.0", "ab".repeat(32)];

test("an entry that is skipped may be left out", () => {
  expect(readActivated([plugin, false], 7, "entry")).not.toHaveProperty("skips");
  expect(readActivated([plugin, false, 6], 7, "entry")).toMatchObject({ replaces: false, skips: 6 });
});

test.each([[0], [7], [8]])("of the activation at 7 it cannot be entry %p", (skips) => {
  const message = "entry.skips: not an earlier entry";
  expect(() => readActivated([plugin, false, skips], 7, "entry")).toThrow(message);
  expect(() => readActivation([7, 1, plugin, false, skips], "entry")).toThrow(message);
});

test("more items than these are refused", () => {
  expect(() => readActivated([plugin, false, 6, 5], 7, "entry")).toThrow("entry: not an array of 2");
  expect(() => readActivation([7, 1, plugin], "entry")).toThrow("entry: not an array of 4");
});
