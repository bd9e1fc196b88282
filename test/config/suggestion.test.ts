// Which word was probably meant.
import { expect, test } from "bun:test";
import { nearest } from "../../src/config/suggestion.ts";

const KEYS = ["election_timeout_ms", "heartbeat_interval_ms", "id", "listen"];

test.each([
  ["election_timout_ms", "election_timeout_ms"],
  ["electoin_timeout_ms", "election_timeout_ms"],
  ["Heartbeat-Interval-ms", "heartbeat_interval_ms"],
  ["di", "id"],
  ["lsiten", "listen"],
  ["colour", null],
  ["xyz", null],
  ["", null],
])("%s: %s", (word, meant) => {
  expect(nearest(word, KEYS)).toBe(meant);
});

test("of two the nearer", () => {
  expect(nearest("promte", ["demote", "promote"])).toBe("promote");
  expect(nearest("anything", [])).toBe(null);
});
