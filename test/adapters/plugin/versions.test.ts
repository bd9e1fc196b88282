// Several versions of one plugin: where they are found, and what becomes of the state when another one takes over.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineRawStateMachine, defineStateMachine, SnapshotMap, v } from "graft";
import { decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createVersionedExecutor, type Executor } from "../../../src/adapters/plugin/executor.ts";
import { loadVersions, locateVersions, nameOf } from "../../../src/adapters/plugin/loader.ts";
import { type PluginVersion, versionsMax } from "../../../src/core/activation.ts";

const source = (version: string, name = "steps"): string => `
import { defineRawStateMachine } from "graft";
export default defineRawStateMachine({
  name: "${name}", version: "${version}", create: () => ({ apply: (bytes) => bytes, query: (bytes) => bytes }),
});`;

describe("the versions of a plugin", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "graft-versions-"));
    const files: Readonly<Record<string, string>> = {
      "one.ts": source("1"),
      "two/index.ts": source("2"),
      "again.ts": source("1"),
      "other.ts": source("1", "other"),
      "many/v9.ts": source("9"),
      "many/v10/index.ts": source("10"),
      "many/v2/package.json": '{"main": "./lib/machine.js"}',
      "many/v2/lib/machine.js": source("2"),
      "many/notes.md": "what changed",
      "many/._v9.ts": "of an archive program",
      "many/types.d.ts": "export type Step = number;",
      "many/shared/step.json": "1",
      "none/notes.md": "nothing yet",
      "plugin/index.ts": source("1"),
      "plugin/helper.ts": "export const step = 1;",
    };
    await Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(folder, name), text)));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const located = (...plugins: readonly string[]): readonly string[] =>
    locateVersions(plugins, folder).map((each) => nameOf(each).replace(`${folder}/`, ""));

  test("are where the names and paths of the configuration lead, in their order", () => {
    expect(located("one.ts", "two", "kv")).toEqual(["one.ts", "two/index.ts", "kv"]);
  });

  test("are all plugins that lie in a folder, by the numbers in their names", () => {
    expect(located("many")).toEqual(["many/v2/lib/machine.js", "many/v9.ts", "many/v10/index.ts"]);
  });

  test("are not the files of a folder that is a plugin itself", () => {
    expect(located("plugin")).toEqual(["plugin/index.ts"]);
  });

  test("are as many as a node can tell its peers of", async () => {
    const many = Array.from({ length: versionsMax + 1 }, () => ({ kind: "shipped", name: "kv" }) as const);
    await expect(loadVersions(many)).rejects.toThrow(/kv cannot be used: it is one of 65 versions, .*at most 64/);
  });

  test("are missed in a folder that holds none", () => {
    expect(() => located("none")).toThrow("none cannot be used: the folder has no index.ts");
  });

  test("are loaded, each with the hash of its code", async () => {
    const loaded = await loadVersions(locateVersions(["one.ts", "two"], folder));
    expect(loaded.map(({ id }) => [id.name, id.version])).toEqual([
      ["steps", "1"],
      ["steps", "2"],
    ]);
    const [first, second] = loaded.map(({ id }) => id.hash);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).not.toBe(first);
  });

  test("that ship with Graft are known by name and version", async () => {
    const [kv, counter] = await loadVersions(locateVersions(["kv"], folder)).then(async ([first]) => [
      first!.id,
      (await loadVersions(locateVersions(["counter"], folder)))[0]!.id,
    ]);
    expect(kv).toMatchObject({ name: "kv", hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(counter!.hash).not.toBe(kv!.hash);
  });

  test.each([
    [
      "of the same number twice",
      ["one.ts", "again.ts"],
      "again.ts cannot be used: another one of the versions is 1 as well",
    ],
    [
      "of two plugins",
      ["one.ts", "other.ts"],
      'other.ts cannot be used: it is "other", and the version before it "steps"',
    ],
  ])("are refused, %s", async (_, plugins, message) => {
    const told = await loadVersions(locateVersions(plugins, folder)).then(() => null, String);
    expect(told).toContain(message);
  });
});

interface Steps {
  value: number;
}

/** What it does with a step tells its version: the first adds one, the second ten. */
const typed = (version: "1" | "2", migrates = true) =>
  defineStateMachine({
    name: "steps",
    version,
    create: (): Steps => ({ value: 0 }),
    snapshot: (state: Steps) => [state.value],
    restore: (state: Steps, item: number) => void (state.value = item),
    ...(migrates && {
      migrate: (state: Steps, item: unknown, from: string) =>
        void (state.value = (item as number) + 1000 * Number(from)),
    }),
    commands: { step: { input: v.null(), apply: (state) => (state.value += version === "1" ? 1 : 10) } },
    queries: { value: { input: v.null(), answer: ({ value }) => value } },
  });

const raw = (version: "1" | "2", more: "migrates" | "restores" | "keeps") =>
  defineRawStateMachine({
    name: "steps",
    version,
    create() {
      let value = 0;
      const answer = (): Uint8Array => encodeValue(value);
      return {
        apply() {
          value += version === "1" ? 1 : 10;
          return answer();
        },
        query: answer,
        ...(more !== "keeps" && {
          snapshot: () => [answer()],
          restore: (piece: Uint8Array) => void (value = decodeValue(piece) as number),
        }),
        ...(more === "migrates" && {
          migrate: (piece: Uint8Array, from: string) =>
            void (value = (decodeValue(piece) as number) + 1000 * Number(from)),
        }),
      };
    },
  });

const idOf = (version: string): PluginVersion => ({ name: "steps", version, hash: version.repeat(64) });
const [one, two] = [idOf("1"), idOf("2")];

type Definition = Parameters<typeof checkDefinition>[0];

const executorOf = (...definitions: readonly Definition[]): Executor =>
  createVersionedExecutor(
    definitions.map((definition) => {
      const plugin = checkDefinition(definition);
      return { plugin, id: idOf(plugin.version), snapshots: true };
    }),
  );

const placed = (index: number) => ({ index, term: 1, timeMs: index, isAwaited: true });

/** Its answer, or the kind of its outcome. */
function step(executor: Executor, index: number, sequence?: number): unknown {
  const session = sequence === undefined ? null : { id: 1, sequence, answeredBelow: 1, client: "c" };
  const payload = encodeValue(["step", null]);
  const outcome = executor.apply({ kind: "command", ...placed(index), payload, session });
  return outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome.kind;
}

const activate = (executor: Executor, index: number, plugin: PluginVersion): void =>
  void executor.apply({ kind: "activate", ...placed(index), plugin });

describe.each([
  ["typed", [typed("1"), typed("2")], [typed("1"), typed("2", false)]],
  ["raw", [raw("1", "migrates"), raw("2", "migrates")], [raw("1", "restores"), raw("2", "restores")]],
] as const)("a state machine with two versions (%s)", (_, migrating, restoring) => {
  test("begins with the one that is activated first, and with nothing of the other's", () => {
    const executor = executorOf(...migrating);
    expect(executor.versions).toEqual([one, two].map((id) => ({ ...id, snapshots: true })));
    expect(executor.description.version).toBe("2");
    activate(executor, 1, one);
    expect(executor.description.version).toBe("1");
    expect(step(executor, 2)).toBe(1);
  });

  test("hands its state to the migrate of the one that takes over, with the version that it comes from", () => {
    const executor = executorOf(...migrating);
    activate(executor, 1, one);
    expect(step(executor, 2)).toBe(1);
    activate(executor, 3, two);
    expect(step(executor, 4)).toBe(1011);
    activate(executor, 5, one);
    expect(step(executor, 6)).toBe(3012);
  });

  test("hands it to restore where the other one has the same number: a node that ran that one before has nothing to hand over", () => {
    const [first] = migrating;
    const plugin = checkDefinition(first);
    const rebuilt = { ...one, hash: "a".repeat(64) };
    const executor = createVersionedExecutor([one, rebuilt].map((id) => ({ plugin, id, snapshots: true })));
    activate(executor, 1, one);
    step(executor, 2);
    activate(executor, 3, rebuilt);
    expect(step(executor, 4)).toBe(2);
  });

  test("hands it to restore where there is no migrate", () => {
    const executor = executorOf(...restoring);
    activate(executor, 1, one);
    step(executor, 2);
    activate(executor, 3, two);
    expect(step(executor, 4)).toBe(11);
  });

  test("keeps its state when the active one is activated again", () => {
    const executor = executorOf(...migrating);
    activate(executor, 1, one);
    step(executor, 2);
    activate(executor, 3, one);
    expect(step(executor, 4)).toBe(2);
  });

  test("hands over what came before anything was activated", () => {
    const executor = executorOf(...migrating);
    expect(step(executor, 1)).toBe(10);
    activate(executor, 2, one);
    expect(step(executor, 3)).toBe(2011);
  });

  test("keeps the sessions: a command that had its effect has no second one under another version", () => {
    const executor = executorOf(...migrating);
    const opened = { kind: "openSession", ...placed(1), client: "c", timeoutMs: 60_000, isAdmin: false } as const;
    activate(executor, 1, one);
    executor.apply(opened);
    expect(step(executor, 2, 1)).toBe(1);
    activate(executor, 3, two);
    expect(step(executor, 4, 1)).toBe(1);
    expect(step(executor, 5, 2)).toBe(1011);
  });

  test("restores a snapshot as the version that wrote it, and as another one through its migrate", () => {
    const writer = executorOf(...migrating);
    activate(writer, 1, one);
    step(writer, 2);
    const chunks = chunksOf(writer);
    const restored = (as: PluginVersion): unknown => {
      const executor = executorOf(...migrating);
      const restoration = executor.restore(as);
      for (const chunk of chunks) restoration.write(chunk);
      restoration.end();
      expect(executor.description.version).toBe(as.version);
      return step(executor, 3);
    };
    expect(restored(one)).toBe(2);
    expect(restored(two)).toBe(1011);
  });
});

describe("a snapshot that is being read while another version takes over", () => {
  const count = 20_000;
  const keys = (version: "1" | "2") =>
    defineStateMachine({
      name: "steps",
      version,
      create: () => new SnapshotMap<number, string>(),
      snapshot: (state: SnapshotMap<number, string>) => state.snapshot(),
      restore: (state: SnapshotMap<number, string>, [key, value]: readonly [number, string]) =>
        void state.set(key, `${value}${version}`),
      commands: {
        step: {
          input: v.null(),
          apply(state) {
            for (let key = 0; key < count; key++) state.set(key, "v");
            return null;
          },
        },
      },
      queries: { value: { input: v.null(), answer: (state) => state.get(count - 1) ?? null } },
    });
  const valueIn = (executor: Executor): unknown => {
    const outcome = executor.query(encodeValue(["value", null]));
    return outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome.kind;
  };
  const begun = (...definitions: Parameters<typeof executorOf>): Executor => {
    const executor = executorOf(...definitions);
    activate(executor, 1, one);
    step(executor, 2);
    return executor;
  };

  test("is what it was, to its end", () => {
    const wanted = chunksOf(begun(keys("1"), keys("2")));
    const executor = begun(keys("1"), keys("2"));
    const snapshot = executor.snapshot();
    const first = snapshot.read()!;
    activate(executor, 3, two);
    step(executor, 4);
    expect([first, ...restOf(snapshot)]).toEqual([...wanted]);
    expect(wanted.length).toBeGreaterThan(2);
    expect(executor.description.version).toBe("2");
    expect(chunksOf(executor).length).toBeGreaterThan(2);
  });

  test("can be left, and the new version has taken the state over", () => {
    const executor = begun(keys("1"), keys("2"));
    const snapshot = executor.snapshot();
    activate(executor, 3, two);
    expect(valueIn(executor)).toBe("v2");
    snapshot.close();
    expect(() => snapshot.read()).toThrow("The snapshot is closed");
  });
});

function restOf(snapshot: ReturnType<Executor["snapshot"]>): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) chunks.push(chunk.slice());
  return chunks;
}

const chunksOf = (executor: Executor): readonly Uint8Array[] => restOf(executor.snapshot());

test("a snapshot of the active version is restored though the last one at hand has no snapshots: a node that starts runs that one first", () => {
  const before = executorOf(raw("1", "restores"));
  activate(before, 1, one);
  step(before, 2);
  const executor = executorOf(raw("1", "restores"), raw("2", "keeps"));
  const restoration = executor.restore(one);
  for (const chunk of chunksOf(before)) restoration.write(chunk);
  restoration.end();
  expect(executor.description.version).toBe("1");
  expect(step(executor, 3)).toBe(2);
});

test("without snapshots nothing is restored, and the state stays as it was", () => {
  const executor = executorOf(raw("1", "restores"), raw("2", "keeps"));
  activate(executor, 1, one);
  step(executor, 2);
  expect(() => executor.restore(two)).toThrow("steps 2 has no snapshots");
  expect(step(executor, 3)).toBe(2);
});

describe("a state machine stops, and names the entry, when", () => {
  test("a version that takes over cannot take the state", () => {
    const executor = executorOf(raw("1", "restores"), raw("2", "keeps"));
    activate(executor, 1, one);
    step(executor, 2);
    expect(() => activate(executor, 3, two)).toThrow("entry 3 (term 1), which activates it");
  });

  test("the active one cannot hand it over", () => {
    const executor = executorOf(raw("1", "keeps"), raw("2", "restores"));
    activate(executor, 1, one);
    step(executor, 2);
    expect(() => activate(executor, 3, two)).toThrow("steps 1 has no snapshot to hand its state over");
  });

  test("the version is not there", () => {
    const executor = executorOf(raw("1", "restores"));
    expect(() => activate(executor, 1, two)).toThrow("steps 2 is not at hand");
  });
});
