// The locks that ship, under all faults of the simulation: no two holders ever have the same token, or a lower one after a higher one, and nobody
// gets a lock while the lease of another one lasts. Clients see the entries in the order in which the log has them: any-load.ts looks at that.
import { expect, test } from "bun:test";
import lock from "../../plugins/lock/index.ts";
import type { ApplyContext } from "../../src/adapters/plugin/api.ts";
import { checkDefinition, type TypedPlugin } from "../../src/adapters/plugin/definition-check.ts";
import { locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { Drawing } from "../../src/sim/draw-input.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { Whereabouts } from "../../src/sim/whereabouts.ts";

interface Holder {
  readonly owner: string;
  readonly token: number;
  readonly untilMs: number;
}

/** What one entry does to one lock. */
interface Change {
  readonly index: number;
  readonly timeMs: number;
  readonly name: string;
  readonly holder: Holder | null;
  /** With which token the holder gave it back; null: nobody did. */
  readonly released: number | null;
}

const names = ["one", "two"];
const owners = ["a", "b", "c", "d"];

/** Each client is one of few owners, and knows the tokens of some time ago. */
const drawn = {
  ...lock,
  commands: {
    ...lock.commands,
    acquire: {
      ...lock.commands.acquire,
      example: (draw) => ({
        name: draw.pick(names),
        owner: draw.pick(owners),
        leaseMs: draw.pick([1, 20, 200, 2000]),
        waitMs: draw.pick([0, 20, 500, 5000]),
      }),
    },
    renew: {
      ...lock.commands.renew,
      example: (draw) => ({
        name: draw.pick(names),
        owner: draw.pick(owners),
        token: draw.integer(1, 30),
        leaseMs: draw.pick([1, 20, 200]),
      }),
    },
    release: {
      ...lock.commands.release,
      example: (draw) => ({ name: draw.pick(names), owner: draw.pick(owners), token: draw.integer(1, 60) }),
    },
    leave: { ...lock.commands.leave, example: (draw) => ({ name: draw.pick(names), owner: draw.pick(owners) }) },
  },
  queries: { holder: { ...lock.queries.holder, example: (draw) => ({ name: draw.pick(names) }) } },
} satisfies typeof lock;

/** Tells who holds each lock after each command and each `due`. */
function watched(plugin: TypedPlugin, told: (change: Change) => void): TypedPlugin {
  const holder = plugin.queries.get("holder")!;
  const change = (
    state: unknown,
    { index, timeMs }: ApplyContext,
    name: string,
    released: number | null = null,
  ): Change => {
    const found = holder.run(state, { name }, { index, timeMs }) as Holder | null;
    return { index, timeMs, name, holder: found, released };
  };
  const commands = Array.from(plugin.commands, ([kind, command]) => {
    const run: typeof command.run = (state, input, context) => {
      const result = command.run(state, input, context);
      const { name, token } = input as { readonly name: string; readonly token?: number };
      const isReleased = kind === "release" && (result as { readonly released: boolean }).released;
      told(change(state, context, name, isReleased ? token! : null));
      return result;
    };
    return [kind, { ...command, run }] as const;
  });
  const due = (state: unknown, context: ApplyContext): void => {
    plugin.due!(state, context);
    // Several locks may go on at once: in the order in which they were granted.
    const changes = names.map((name) => change(state, context, name));
    for (const each of changes.sort((one, other) => tokenOf(one) - tokenOf(other))) told(each);
  };
  return { ...plugin, commands: new Map(commands), due };
}

const tokenOf = ({ holder }: Change): number => holder?.token ?? 0;

/** In the last one the leases of both locks end at once. */
const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 910_011];

class Model {
  readonly #holders = new Map<string, Holder | null>();
  #through = 0;
  /** The copy of the plugin that was the first to come as far. */
  #first = 0;
  #token = 0;
  grants = 0;
  expiries = 0;

  /** The first node that applies an entry has applied all before it. All others come to the same: the simulation compares them. */
  take(copy: number, { index, timeMs, name, holder, released }: Change): void {
    if (index < this.#through || (index === this.#through && copy !== this.#first)) return;
    this.#through = index;
    this.#first = copy;
    const before = this.#holders.get(name) ?? null;
    this.#holders.set(name, holder);
    if (holder !== null) expect(holder.untilMs).toBeGreaterThan(timeMs);
    if (before === null && holder === null) return;
    if (before?.token === holder?.token) return expect(holder!.owner).toBe(before!.owner);
    // The one before has given it back, or its lease has ended.
    if (before !== null && before.token !== released) {
      expect(before.untilMs).toBeLessThanOrEqual(timeMs);
      this.expiries++;
    }
    if (holder === null) return;
    expect(holder.token).toBeGreaterThan(this.#token);
    this.#token = holder.token;
    this.grants++;
  }
}

test("P28: no two holders have the same fencing token or a lower one, and no two leases overlap", () => {
  expect(locatePlugin("lock", "/")).toEqual({ kind: "shipped", name: "lock" });
  const plugin = checkDefinition(drawn) as TypedPlugin;
  const drawing = new Drawing(plugin, "lock", new Whereabouts());
  const sum = { grants: 0, expiries: 0, restores: 0, elections: 0 };
  for (const seed of seeds) {
    const model = new Model();
    let copies = 0;
    const copy = (): TypedPlugin => {
      const nth = ++copies;
      return watched(plugin, (change) => model.take(nth, change));
    };
    const { restores, elections } = simulateWhole({ seed, plugin, copy, drawing, events: 5000 });
    sum.grants += model.grants;
    sum.expiries += model.expiries;
    sum.restores += restores;
    sum.elections += elections;
  }
  expect(sum.grants).toBeGreaterThan(50);
  expect(sum.expiries).toBeGreaterThan(20);
  expect(sum.restores).toBeGreaterThan(5);
  expect(sum.elections).toBeGreaterThan(20);
}, 240_000);
