// A query is served at once, from outside a turn of the node: nobody there would hear of a log that is damaged.
import { expect, test } from "bun:test";
import { command, setUp } from "./applier-setting.ts";

test("an entry that cannot be read when queries are served ends the node, and not whoever asks", () => {
  const { applier, machine, failures, impatience } = setUp([command(1)]);
  impatience.isOn = false;
  applier.advance(2);
  expect([machine.applied, failures]).toEqual([[], []]);
  impatience.isOn = true;
  applier.serve();
  expect(failures).toEqual(["node: Error: entry 2 is not there"]);
});
