// Which environment a node's process begins with.
import { expect, test } from "bun:test";
import { engineSettings, withEngineSettings } from "../../src/cli/engine-settings.ts";

test("what is missing is added, and the rest stays", () => {
  expect(withEngineSettings({ HOME: "/home/a" })).toEqual({ HOME: "/home/a", ...engineSettings });
});

test("what is set by hand wins", () => {
  const [name] = Object.keys(engineSettings);
  expect(withEngineSettings({ [name!]: "1" })).toEqual({ ...engineSettings, [name!]: "1" });
});

test("a process that has all of them does not begin again", () => {
  expect(withEngineSettings({ ...engineSettings })).toBeNull();
  expect(withEngineSettings(Object.fromEntries(Object.keys(engineSettings).map((name) => [name, "1"])))).toBeNull();
});
