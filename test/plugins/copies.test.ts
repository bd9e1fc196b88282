// Copies of the plugins that are woken: whatever snapshots they have taken or begun with, they hold the same in the same order, and are to be woken at
// the same time.
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import lock from "../../plugins/lock/index.ts";
import queue from "../../plugins/queue/index.ts";
import { checkDefinition, type Plugin } from "../../src/adapters/plugin/definition-check.ts";
import { createExecutor, type Executor } from "../../src/adapters/plugin/executor.ts";
import { type CborValue, encodeValue } from "../../src/adapters/cbor/value.ts";
import type { AppliedEntry } from "../../src/ports/state-machine.ts";
import { Chance } from "../../src/sim/chance.ts";

type Drawn = readonly [operation: string, input: CborValue];
interface Kind {
  readonly plugin: Plugin;
  readonly draw: (chance: Chance) => Drawn;
}

const pick = <Item>(chance: Chance, items: readonly Item[]): Item => items[chance.below(items.length)]!;
const ttlOf = (chance: Chance) => pick(chance, [1, 20, 300]);

const kinds: Readonly<Record<string, Kind>> = {
  kv: {
    plugin: checkDefinition(kv),
    draw(chance) {
      const key = `k${chance.below(12)}`;
      const operation = pick(chance, ["put", "put", "for a while", "for a while", "delete"]);
      if (operation === "delete") return ["delete", { key }];
      const value = String(chance.below(100));
      return ["put", operation === "put" ? { key, value } : { key, value, ttlMs: ttlOf(chance) }];
    },
  },
  lock: {
    plugin: checkDefinition(lock),
    draw(chance) {
      const [name, owner] = [`l${chance.below(5)}`, `o${chance.below(4)}`];
      const operation = pick(chance, ["acquire", "acquire", "acquire", "release", "leave"]);
      if (operation === "leave") return ["leave", { name, owner }];
      if (operation === "release") return ["release", { name, owner, token: 1 + chance.below(150) }];
      return ["acquire", { name, owner, leaseMs: ttlOf(chance), waitMs: pick(chance, [0, 50, 500]) }];
    },
  },
  queue: {
    plugin: checkDefinition(queue),
    draw(chance) {
      const name = `q${chance.below(3)}`;
      const [id, receipt] = [1 + chance.below(60), 1 + chance.below(120)];
      const operation = pick(chance, [
        "send",
        "send",
        "receive",
        "receive",
        "ack",
        "reject",
        "limit",
        "revive",
        "bury",
      ]);
      if (operation === "send") return ["send", { queue: name, body: "b", delayMs: pick(chance, [0, 0, 40]) }];
      if (operation === "receive") return ["receive", { queue: name, max: 3, visibilityMs: ttlOf(chance) }];
      if (operation === "limit") return ["limit", { queue: name, deliveriesMax: 1 + chance.below(4) }];
      if (operation === "revive" || operation === "bury") return [operation, { queue: name, max: 2 }];
      return [operation, { id, receipt }];
    },
  },
};

const bytesOf = (executor: Executor): string => {
  const snapshot = executor.snapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) chunks.push(chunk);
  return Buffer.concat(chunks).toString("hex");
};

function restored(from: Executor, plugin: Plugin): Executor {
  const executor = createExecutor(plugin);
  const restoration = executor.restore(null);
  restoration.write(Buffer.from(bytesOf(from), "hex"));
  restoration.end();
  return executor;
}

test.each(Object.keys(kinds))("%s: sound copies agree at each entry, however they came to it", (name) => {
  const { plugin, draw } = kinds[name]!;
  let wakes = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const chance = new Chance(seed);
    const [plain, snapshotting] = [createExecutor(plugin), createExecutor(plugin)];
    let late = createExecutor(plugin);
    let open: ReturnType<Executor["snapshot"]> | null = null;
    let timeMs = 1000;
    for (let index = 1; index <= 150; index++) {
      timeMs += chance.below(15);
      const payload = encodeValue([...draw(chance)]);
      const entry: AppliedEntry = { kind: "command", index, term: 1, timeMs, payload, session: null, isAwaited: true };
      if ((plain.wakeAtMs ?? Number.POSITIVE_INFINITY) <= timeMs) wakes++;
      const outcomes = [plain, snapshotting, late].map((each) => each.apply(entry));
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[2]).toEqual(outcomes[0]);
      expect([snapshotting.wakeAtMs, late.wakeAtMs]).toEqual([plain.wakeAtMs, plain.wakeAtMs]);
      if (chance.below(12) === 0) late = restored(plain, plugin);
      if (chance.below(5) > 0) continue;
      // One that is open, with changes beside what is frozen, or one that is over.
      if (open === null) open = snapshotting.snapshot();
      else {
        open.close();
        open = null;
      }
    }
    open?.close();
    expect(bytesOf(snapshotting)).toEqual(bytesOf(plain));
    expect(bytesOf(late)).toEqual(bytesOf(plain));
  }
  expect(wakes).toBeGreaterThan(100);
});
