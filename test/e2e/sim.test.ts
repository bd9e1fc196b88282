// `graft sim` with plugins that are wrong in one way each: each is found within a minute, and what is printed finds it again.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFullPipe } from "./full-pipe.ts";
import { binary, graft, type Ran, temporaryFolder, until } from "./test-cluster.ts";

let folder: string;
const foundWithinMs = 60_000;

/** What is wrong stands in a file that the plugin imports: that has to be fresh in each life of a node as well. */
const outside = `let drawn = 0;
export const draw = (): number => ++drawn;
`;

/** Its results depend on how many commands this process has applied, and a node that begins with a snapshot has applied fewer. */
const raffle = `import { defineStateMachine, v } from "graft";
import { draw } from "./parts/outside.ts";
export default defineStateMachine({
  name: "raffle",
  version: "1.2.3",
  create: () => ({ tickets: 0 }),
  snapshot: (state) => [state],
  restore: (state, item) => void Object.assign(state, item),
  commands: {
    buy: { input: v.object({ who: v.string() }), apply: (state) => ++state.tickets },
    draw: { input: v.object({}), apply: () => ({ winner: draw() }) },
  },
  queries: { tickets: { input: v.null(), answer: ({ tickets }) => tickets } },
});
`;

const dice = `import { defineStateMachine, v } from "graft";
export default defineStateMachine({
  name: "dice",
  version: "1.0.0",
  create: () => ({ last: 0 }),
  commands: { roll: { input: v.object({}), apply: (state) => (state.last = Math.random()) } },
  queries: {},
});
`;

/** A node that begins with a snapshot does not know how many were refused before. */
const bank = `import { defineStateMachine, SnapshotMap, v } from "graft";
class Bank {
  readonly accounts = new SnapshotMap<string, number>();
  refused = 0;
}
export default defineStateMachine({
  name: "bank",
  version: "1.0.0",
  create: () => new Bank(),
  snapshot: (bank) => bank.accounts.snapshot(),
  restore: (bank, [name, amount]: readonly [string, number]) => void bank.accounts.set(name, amount),
  commands: {
    pay: {
      input: v.object({ name: v.picklist(["ann", "bob"]), amount: v.pipe(v.number(), v.integer(), v.minValue(-9)) }),
      apply(bank, { name, amount }) {
        const total = (bank.accounts.get(name) ?? 0) + amount;
        if (total < 0) bank.refused++;
        else bank.accounts.set(name, total);
        return { total };
      },
    },
  },
  queries: { total: { input: v.picklist(["ann", "bob"]), answer: (bank, name) => bank.accounts.get(name) ?? 0 } },
});
`;

/** A restored item adds its price to the total, which has it already. */
const cart = `import { defineStateMachine, v } from "graft";
export default defineStateMachine({
  name: "cart",
  version: "1.0.0",
  create: () => ({ items: [] as number[], total: 0 }),
  snapshot: ({ items, total }) => [{ total }, ...items],
  restore(cart, item) {
    if (typeof item !== "number") cart.total = item.total;
    else {
      cart.items.push(item);
      cart.total += item;
    }
  },
  commands: { add: { input: v.number(), apply: (cart, price) => [cart.items.push(price), (cart.total += price)].length } },
  queries: { total: { input: v.null(), answer: ({ total }) => total } },
});
`;

/** Asking has an effect. */
const queue = `import { defineStateMachine, v } from "graft";
export default defineStateMachine({
  name: "queue",
  version: "1.0.0",
  create: () => ({ waiting: [] as number[] }),
  commands: { add: { input: v.number(), apply: (queue, item) => queue.waiting.push(item) } },
  queries: { next: { input: v.null(), answer: (queue) => queue.waiting.shift() ?? null } },
});
`;

/** Its command, or the module itself, never returns. */
const spin = `import { defineStateMachine, v } from "graft";
export default defineStateMachine({
  name: "spin",
  version: "1.0.0",
  create: () => ({ n: 0 }),
  commands: {
    add: {
      input: v.object({ by: v.picklist([1]) }),
      apply: (state, { by }) => {
        state.n += by;
        while (state.n === 30);
        return state.n;
      },
    },
  },
  queries: {},
});
`;
const endless = `import { writeFileSync } from "node:fs";
writeFileSync("loading", "");
for (;;);
`;

const sound = `import { defineStateMachine, v } from "graft";
export default defineStateMachine({
  name: "sound",
  version: "1.0.0",
  create: () => new Map<string, number>(),
  snapshot: (state) => [...state],
  restore: (state, [name, count]: readonly [string, number]) => void state.set(name, count),
  commands: { count: { input: v.string(), apply: (state, name) => void state.set(name, (state.get(name) ?? 0) + 1) } },
  queries: { count: { input: v.string(), answer: (state, name) => state.get(name) ?? 0 } },
});
`;

beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(join(folder, "it's mine", "parts"), { recursive: true });
  const plugins = { raffle, dice, bank, cart, queue, spin, endless, sound, "parts/outside": outside };
  for (const [name, code] of Object.entries(plugins)) writeFileSync(join(folder, "it's mine", `${name}.ts`), code);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sim = (...args: readonly string[]): Promise<Ran> => graft(["sim", ...args], { cwd: folder });
const pathOf = (name: string): string => `it's mine/${name}.ts`;

/** The command that is printed to see it again, as a shell would run it, with this binary. */
async function again(stderr: string, flag = ""): Promise<Ran> {
  const [, command] = /See it again: graft (sim .*)/.exec(stderr) ?? [];
  const child = Bun.spawn(["sh", "-c", `'${binary}' ${command} ${flag}`], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdoutBytes, errors, exitCode] = await Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited]);
  return { exitCode, stdout: new TextDecoder().decode(stdoutBytes), stderr: errors, stdoutBytes };
}

const planted = [
  ["raffle", /^error: a command has different outcomes on two nodes\n {2}at entry \d+: draw \{\}\n/],
  ["dice", /^error: the state machine stops\n {2}at entry \d+: roll \{\}\n.*Math\.random inside apply/],
  ["bank", /^error: the states of two nodes differ after the same entries\n.*\n {2}in: \.refused\n/],
  ["cart", /^error: the states of two nodes differ after the same entries\n.*\n {2}in: \.total\n/],
  ["queue", /^error: a query changes the state\n.*\n.*\n {2}the query: next null\n/],
] as const;

for (const [name, told] of planted) {
  test(
    `a mistake of the plugin ${name} is found within a minute, and again by the command that is printed`,
    async () => {
      const beganMs = performance.now();
      const found = await sim("--plugin", pathOf(name));
      expect(performance.now() - beganMs).toBeLessThan(foundWithinMs);
      expect(found).toMatchObject({ exitCode: 1, stdout: "" });
      expect(found.stderr).toMatch(told);
      expect(found.stderr).toMatch(/\n {2}seed \d+, after \d+ events, graft \S+, \w+ 1\.\d\.\d\n/);
      expect(found.stderr).toMatch(
        /\n next: See it again: .*\n {7}Look for a shorter run that shows it: graft sim .*\n$/,
      );
      expect(await again(found.stderr)).toMatchObject({ exitCode: 1, stderr: found.stderr });
    },
    2 * foundWithinMs,
  );
}

test("a smaller story is found, and told again by its command", async () => {
  const shrunk = await sim("--plugin", pathOf("raffle"), "--shrink");
  expect(shrunk.stderr).toMatch(
    /graft sim --plugin 'it'\\''s mine\/raffle.ts' --seed \d+ --events \d+ --nodes [1-3] --clients \d/,
  );
  const [, events = ""] = /--events (\d+)/.exec(shrunk.stderr) ?? [];
  expect(Number(events)).toBeLessThan(3000);
  const [told] = shrunk.stderr.split("\n data:");
  expect((await again(shrunk.stderr)).stderr).toStartWith(told!);
}, 120_000);

test("a sound plugin holds, and the same seed prints the same", async () => {
  const run = (): Promise<Ran> => sim("--plugin", pathOf("sound"), "--seed", "2", "--events", "4000", "--trace");
  const [first, second] = [await run(), await run()];
  expect(first.exitCode).toBe(0);
  expect(first.stdout).toContain("1 seed holds: sound 1.0.0");
  expect(first.stdout).toMatch(/^ +\d+\.\d{3} ms {2}n\d applies entry \d+: count "[^"]*" → null$/m);
  expect(first.stdout).toMatch(/^ +\d+\.\d{3} ms {2}client\d sends the query count "[^"]*"$/m);
  expect(second.stdout).toBe(first.stdout);
  const other = await sim("--plugin", pathOf("sound"), "--seed", "3", "--events", "4000", "--trace");
  expect(other.stdout).not.toBe(first.stdout);
}, 60_000);

test("the plugins that ship hold", async () => {
  for (const plugin of ["kv", "counter"]) {
    const { exitCode, stdout } = await sim("--plugin", plugin, "--seeds", "3", "--events", "5000", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ seeds: 3, plugin, rejections: 0, stopped: false });
  }
}, 60_000);

test("a command that never returns is named, and again by the command that is printed", async () => {
  const found = await sim("--plugin", pathOf("spin"));
  expect([found.exitCode, found.stdout]).toEqual([1, ""]);
  expect(found.stderr).toMatch(
    /^error: the plugin does not return\n {2}from: the command add \{"by":1\}\n {2}for 5 s of processor time\n {2}seed 1,/,
  );
  const traced = await again(found.stderr, "--trace");
  expect([traced.exitCode, traced.stderr]).toEqual([1, found.stderr]);
  expect(traced.stdout).toContain('add {"by":1} → 29\n');
}, 300_000);

test("a module that never returns is named", async () => {
  const { exitCode, stderr } = await sim("--plugin", pathOf("endless"));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: The plugin .*endless\.ts does not return from: the top level of its module\n/);
}, 180_000);

test("Ctrl-C ends it, whatever the plugin does", async () => {
  rmSync(join(folder, "loading"), { force: true });
  const child = Bun.spawn([binary, "sim", "--plugin", pathOf("endless")], { cwd: folder, stdout: "pipe" });
  await until("the module runs", () => existsSync(join(folder, "loading")));
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(await child.stdout.text()).toContain("stopped before the plugin was loaded");
}, 60_000);

test("Ctrl-C ends it with what has been simulated, and nothing is told after that", async () => {
  const child = Bun.spawn([binary, "sim", "--minutes", "5", "--trace"], { stdout: "pipe", stderr: "ignore" });
  let stdout = "";
  for await (const chunk of child.stdout) {
    if (stdout === "") child.kill("SIGINT");
    stdout += new TextDecoder().decode(chunk);
  }
  expect(await child.exited).toBe(130);
  expect(stdout).toMatch(/\nstopped in seed \d+; no seed was done\n$/);
}, 60_000);

test("a second signal ends it at once, with the exit code of that signal", async () => {
  rmSync(join(folder, "loading"), { force: true });
  // Nobody reads what it prints, so it does not end at the first signal.
  const stdout = openFullPipe(join(folder, "full"));
  const child = Bun.spawn([binary, "sim", "--plugin", pathOf("endless")], { cwd: folder, stdout, stderr: "ignore" });
  await until("the module runs", () => existsSync(join(folder, "loading")));
  // Two of one kind may arrive as one. Of two kinds either may be the second.
  child.kill("SIGTERM");
  child.kill("SIGINT");
  expect([130, 143]).toContain(await child.exited);
  closeSync(stdout);
}, 60_000);

test("a plugin that fails outside of its functions, or ends its thread, is told of", async () => {
  const plugin = (apply: string, atLoad = ""): string => `import { defineRawStateMachine } from "graft";
    ${atLoad}
    const create = () => ({ apply(command) { ${apply}; return command; }, query: (query) => query });
    export default defineRawStateMachine({ name: "odd", version: "1", create });`;
  const cases = {
    "leaves-promise": [
      plugin('void (async () => { throw new TypeError("late"); })()'),
      /outside of its functions.*: late\n/,
    ],
    "leaves-timer": [
      plugin("", 'setTimeout(() => { throw new TypeError("late"); });'),
      /outside of its functions.*: late\n/,
    ],
    "leaves-text": [plugin('void Promise.reject("late")'), /outside of its functions.*: late\n/],
    "leaves-import": [plugin("later()", 'import { later } from "./later.ts";'), /outside of its functions.*: late\n/],
    exits: [plugin("process.exit(0)"), /The plugin has ended the thread of the simulation, in: the command /],
  } as const;
  writeFileSync(
    join(folder, "later.ts"),
    'export const later = () => void Promise.resolve().then(() => { throw new TypeError("late"); });',
  );
  for (const [name, [code, told]] of Object.entries(cases)) {
    writeFileSync(join(folder, `${name}.ts`), code);
    const { exitCode, stderr } = await sim("--plugin", `${name}.ts`, "--events", "300");
    expect([name, exitCode, stderr]).toEqual([name, 1, expect.stringMatching(told)]);
    // A module that fails before a seed begins belongs to none.
    const command = `graft sim --plugin ${name}\\.ts --seed 1 --events 300`;
    const advice = ` next: See it again: ${command}\n {7}Read what happens before: ${command} --trace\n$`;
    expect(stderr).toMatch(new RegExp(name === "leaves-timer" ? `Correct the plugin|${advice}` : advice));
  }
}, 60_000);

test("what cannot be simulated is refused", async () => {
  writeFileSync(
    join(folder, "undrawable.ts"),
    `import { defineStateMachine, v } from "graft";
     const Code = v.pipe(v.string(), v.regex(/^Z{7}Q$/));
     const apply = () => null;
     export default defineStateMachine({ name: "u", version: "1", create: () => ({}), queries: {},
       commands: { set: { input: v.object({ code: Code }), apply }, fine: { input: v.string(), apply } } });`,
  );
  expect(await sim("--plugin", "undrawable.ts")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/the command set: its input's code accepted none of 200 values.*needs an example/),
  });
  const missing = await sim("--plugin", "nothing.ts");
  expect(missing.exitCode).toBe(1);
  expect(missing.stderr).toEndWith(" next: Correct the plugin, or the path after --plugin.\n");
  expect(await sim("--faults", "crsh")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("did you mean"),
  });
  expect(await sim("--faults", "poison", "--plugin", "counter")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(
      /--faults: only the shipped plugin kv can have poison; this plugin can have: crash, /,
    ),
  });
  expect(await sim("--seeds", "3", "--minutes", "1")).toMatchObject({ exitCode: 2 });
  for (const minutes of ["2s", "0", "soon"]) {
    expect(await sim("--minutes", minutes)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`--minutes "${minutes}": not a number of minutes up to 10000; for instance 10`),
    });
  }
});
