// Each bad plugin is found, by the check that is there for it, with the steps that it takes and the part of the state or the operation that is
// wrong. What is right passes.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { checks } from "../../src/check/checks/all.ts";
import { Player } from "../../src/check/player.ts";
import { checkPlugin, type Finding, runCheck } from "../../src/check/plugin-check.ts";
import type { Found } from "../../src/check/search.ts";

const root = join(import.meta.dir, "../..");
const bad = join(import.meta.dir, "bad");
const program = [process.execPath, join(root, "src/cli/main.ts"), "plugin", "check", "replica"];
const patienceMs = 120_000;

interface Ran {
  readonly found: Finding | null;
  readonly passed: readonly string[];
}

async function check(plugin: string, runs: number, seed = 1): Promise<Ran> {
  const passed: string[] = [];
  const found = await checkPlugin({
    plugin,
    directory: bad,
    seed,
    runs,
    program,
    interrupted: new Promise(() => {}),
    loaded: async () => {},
    passed: async ({ name }, times) => void passed.push(times === null ? `no ${name}` : name),
  });
  return { found, passed };
}

/** By one check alone. */
async function checkBy(name: string, plugin: string): Promise<Found | null> {
  const location = locatePlugin(plugin, bad);
  const player = new Player(location, 2);
  try {
    return await runCheck(
      checks.find((each) => each.name === name)!,
      { player, location, program },
      { seed: 1, runs: 2 },
    );
  } finally {
    player.close();
  }
}

const told = ({ fault, steps }: Found): string =>
  [fault.rule, ...fault.lines, fault.remedy, ...steps.map(({ text }) => text)].join("\n");
const stepsOf = ({ steps }: Found): readonly string[] => steps.map(({ text }) => text);

interface Expected {
  readonly by: string;
  readonly told: RegExp;
  readonly steps: readonly string[];
  readonly field?: string;
}

const expected: Readonly<Record<string, Expected>> = {
  "keeps-in-memory": {
    by: "crash",
    told: /another one after a crash\nthe items of the snapshot differ[^]*killed before and after each commit: 0/,
    steps: ['the command pay {"amount":-4}'],
    field: "[0] .refused",
  },
  "saves-early": {
    by: "crash",
    told: /without a crash: 2\nkilled before and after each commit: 3/,
    steps: ["the command add {}", "the command add {}"],
  },
  "commits-nothing": {
    by: "crash",
    told: /it was committed at entry 4, and is nowhere/,
    steps: ["the command add {}"],
  },
  "keeps-ended-sessions": {
    by: "crash",
    told: /the clients' sessions are other ones after a crash[^]*or null, which removes it/,
    steps: ["the command add {}", "the command add {}", "the command add {}"],
  },
  "keeps-latest-records": {
    by: "crash",
    told: /the clients' sessions are other ones after a crash/,
    steps: ["the command add {}", "the command add {}"],
  },
  "clears-early": {
    by: "crash",
    told: /not the one before the restore in which the process was killed[^]*Let clear change nothing on disk/,
    steps: ["the command add {}"],
    field: "[0]",
  },
  "freezes-late": {
    by: "reads",
    told: /a command changes a snapshot that was taken before it/,
    steps: ["the command add {}"],
    field: "[0]",
  },
  clock: {
    by: "runs",
    told: /a command fails\nForbiddenInApply: Date.now .*ctx.timeMs/,
    steps: ["the command stamp {}"],
  },
  chance: { by: "runs", told: /ForbiddenInApply: Math.random .*ctx.random/, steps: ["the command roll {}"] },
  "async-apply": { by: "runs", told: /add returned a Promise[^]*no async/, steps: ['the command add {"amount":0}'] },
  "refuses-when-due": {
    by: "runs",
    told: /due fails\nRejected: still held\nLet due throw nothing/,
    steps: ["the command hold {}", "the command hold {}"],
  },
  "wakes-by-module": {
    by: "repeat",
    told: /wakeAt/,
    steps: ["the command hold {}"],
    field: "[0] .wakeAt",
  },
  throws: {
    by: "runs",
    told: /RangeError: no more than two of 1[^]*throw new Rejected/,
    steps: ['the command fill {"amount":1}', 'the command take {"amount":3}'],
  },
  endless: {
    by: "runs",
    told: /a function does not return\nin: the command spin \{"from":"right"\}\nfor 0.5 s of processor time[^]*an end/,
    steps: ['the command add {"by":1}', 'the command add {"by":1}', 'the command spin {"from":"right"}'],
  },
  unsendable: { by: "runs", told: /a result cannot be sent[^]*Write a Map/, steps: ['the command count {"word":"a"}'] },
  "asks-once": {
    by: "reads",
    told: /a query changes the state[^]*Read only in a query/,
    steps: ['the command add {"item":"a"}', "the query next null"],
    field: ".waiting [0]",
  },
  "refuses-late": {
    by: "reads",
    told: /a command that is rejected changes the state[^]*Check first, then change/,
    steps: ['the command take {"count":1}'],
    field: ".left",
  },
  thaws: {
    by: "reads",
    told: /changes a snapshot[^]*read before the command: 0\nread after the command: 1\nFreeze the state before/,
    steps: ["the command join {}", "the command win {}"],
    field: "[0] .points",
  },
  "module-state": {
    by: "repeat",
    told: /a second time\nthe answer differs\nin: \[1\]\n[^]*variables of the module/,
    steps: ["the command draw {}"],
  },
  "clock-at-load": {
    by: "repeat",
    told: /a second time\nthe state differs\nin: .began/,
    steps: ["the command begin {}"],
    field: ".began",
  },
  "forgets-field": {
    by: "restart",
    told: /lose something\nthe state differs\nin: .refused\nwithout a restart: 1\nrestored after every command: 0\nHave snapshot write .refused/,
    steps: [expect.stringMatching(/^the command pay \{"amount":-\d\}$/)],
    field: ".refused",
  },
  "order-after-restore": {
    by: "restart",
    told: /lose something\nthe answer differs\nwithout a restart: "bob"\nrestored after every command: "ann"/,
    steps: ['the command join {"name":"bob"}', 'the command join {"name":"ann"}', "the query oldest null"],
  },
  "restores-once": {
    by: "restore",
    told: /a restore after other commands[^]*no variable of the module/,
    steps: ['the command join {"name":"ann"}'],
    field: 'has "ann"',
  },
  "thread-aware": {
    by: "hosts",
    told: /another thread[^]*inline: 2\nin a thread of its own: 1/,
    steps: ["the command add {}"],
  },
  "time-zone": { by: "place", told: /another process[^]*time zone/, steps: ["the command note {}"] },
  "module-order": {
    by: "place",
    told: /in this process: "apples"\nin another process: "pears"/,
    steps: ['the command pick {"nth":0}'],
  },
  "replica-order": {
    by: "place",
    told: /another process\nthe answer differs/,
    steps: [expect.any(String), expect.any(String)],
  },
};

describe("a bad plugin is found", () => {
  for (const [name, { by, told: words, steps, field }] of Object.entries(expected)) {
    test(
      `${name}: ${by}`,
      async () => {
        const { found } = await check(`./${name}.ts`, 30);
        expect({ by: found?.check.name, told: found && told(found) }).toEqual({
          by,
          told: expect.stringMatching(words),
        });
        expect(stepsOf(found!)).toEqual([...steps]);
        expect(found!.fault.field).toBe(field ?? null);
      },
      patienceMs,
    );
  }

  test(
    "tires: engine",
    async () => {
      const found = await checkBy("engine", "./tires.ts");
      expect(told(found!)).toMatch(/when they have run often[^]*with a cold engine[^]*variables of the module/);
    },
    patienceMs,
  );

  test("there is one for each check, and each is listed", () => {
    const files = [...new Bun.Glob("*.ts").scanSync(bad)].map((file) => file.replace(".ts", ""));
    expect(files.toSorted()).toEqual([...Object.keys(expected), "tires"].toSorted());
    expect(new Set([...Object.values(expected).map(({ by }) => by), "engine"])).toEqual(
      new Set(checks.map(({ name }) => name)),
    );
  });
});

test(
  "the same seed finds the same",
  async () => {
    const [one, other] = [await check("./throws.ts", 30, 7), await check("./throws.ts", 30, 7)];
    expect(stepsOf(one.found!)).toEqual(stepsOf(other.found!));
  },
  patienceMs,
);

describe("what is right passes", () => {
  const names = checks.filter(({ needs }) => needs !== "state on disk").map(({ name }) => name);
  for (const plugin of ["kv", "counter"]) {
    test(plugin, async () => expect(await check(plugin, 10)).toEqual({ found: null, passed: names }), patienceMs);
  }

  test(
    "a state on disk, which is also checked for crashes",
    async () => expect(await check("../good/tally.ts", 10)).toEqual({ found: null, passed: [...names, "crash"] }),
    patienceMs,
  );
});
