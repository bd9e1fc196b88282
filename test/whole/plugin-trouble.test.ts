// Would the simulation notice a command that takes effect twice?
import { expect, test } from "bun:test";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { createExecutor } from "../../src/adapters/plugin/executor.ts";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import kv from "../../plugins/kv/index.ts";
import { Chance } from "../../src/sim/chance.ts";
import { PluginTrouble } from "../../src/sim/plugin-trouble.ts";
import type { AppliedCommand } from "../../src/ports/state-machine.ts";

const put = (index: number, value: string): AppliedCommand => ({
  kind: "command",
  index,
  term: 1,
  timeMs: 0,
  isAwaited: true,
  session: null,
  payload: encodeOperation("put", { key: "k", value: new TextEncoder().encode(value) }),
});

test("a value that is put at two entries is a violation, and one that two copies put at the same entry is none", () => {
  const violations: string[] = [];
  const pace = { poison: null, poisonAfter: 1, large: 0 };
  const trouble = new PluginTrouble(
    new Chance(1),
    pace,
    () => 0,
    (what) => void violations.push(what),
  );
  const [one, other] = [1, 2].map(() => createExecutor(trouble.copyOf(checkDefinition(kv))));
  for (const copy of [one!, other!]) copy.apply(put(2, "1"));
  one!.apply(put(3, "2"));
  expect(violations).toEqual([]);
  other!.apply(put(4, "2"));
  expect(violations).toEqual(["the put of 2 takes effect at entry 4, and has at 3"]);
});
