// What the core begins with, beside what the store holds: both of its clocks, and the version that a founder names.
import { expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { startOf } from "../../src/node/start-of.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { pluginVersion } from "./applier-setting.ts";

const { saved } = createMemoryLogStore({ incarnation: "a" });
const options = { id: "n1", settings: defaultSettings, bootstrap: null };
const clock = new ManualClock({ startMs: 5_000, wallStartMs: 9_000 });

test("a node begins as itself, and with each clock as that is", () => {
  expect(startOf(saved, options, clock, { versions: [] })).toMatchObject({
    self: toMemberKey("n1", "a"),
    nowMs: 5_000,
    wallMs: 9_000,
    plugin: null,
  });
});

test("a node that has several versions would found a cluster with the last of them", () => {
  const versions = ["1", "2"].map((version) => ({ ...pluginVersion(version), snapshots: true }));
  expect(startOf(saved, options, clock, { versions }).plugin).toEqual(pluginVersion("2"));
});
