// State on disk in the compiled binary. A node that is killed continues after the last run that was committed; a state that does not fit the
// log is not used, and the node's log says why.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lookInto, journalIn } from "../contracts/durable-journal.ts";
import { LoadedCounter, valueOf } from "./loaded-counter.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

/** How often a node is killed. More may be worth an hour by hand. */
const kills = 30;
const leastEach = 150;

/** The counter that ships, with one line on disk for each increment: none may be missing, and none twice. */
const plugin = (version: string): string => `
import { Database } from "bun:sqlite";
import { defineDurableRawStateMachine } from "graft";
const write = (text) => new TextEncoder().encode(text);
export default defineDurableRawStateMachine({
  name: "tally",
  version: "${version}",
  durable: {
    open(folder) {
      const db = new Database(folder + "/journal.sqlite", { create: true });
      db.run("PRAGMA journal_mode = WAL");
      db.run("PRAGMA synchronous = NORMAL");
      db.run("CREATE TABLE IF NOT EXISTS lines (n INTEGER PRIMARY KEY, text TEXT NOT NULL)");
      db.run("CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value BLOB NOT NULL)");
      db.run("BEGIN IMMEDIATE");
      return {
        db,
        apply(command, ctx) {
          db.query("INSERT INTO lines (text) VALUES (?)").run(String(ctx.index));
          return write(String(db.query("SELECT count(*) AS n FROM lines").get().n));
        },
        query: () => write(String(db.query("SELECT count(*) AS n FROM lines").get().n)),
        snapshot: () => db.query("SELECT text FROM lines ORDER BY n").all().map(({ text }) => write(text)),
        restore(piece) {
          db.query("INSERT INTO lines (text) VALUES (?)").run(new TextDecoder().decode(piece));
        },
      };
    },
    records: ({ db }) => db.query("SELECT key, value FROM records").all().map(({ key, value }) => [key, value]),
    commit({ db }, changes) {
      for (const [key, value] of changes) {
        if (value === null) db.query("DELETE FROM records WHERE key = ?").run(key);
        else db.query("INSERT OR REPLACE INTO records VALUES (?, ?)").run(key, value);
      }
      db.run("COMMIT");
      db.run("BEGIN IMMEDIATE");
    },
    clear: ({ db }) => void db.run("DELETE FROM lines; DELETE FROM records"),
    close: ({ db }) => db.close(true),
  },
});
`;

let folder: string;
let cluster: TestCluster;

beforeEach(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder, "tally.js"), plugin("1.0.0"));
});
afterEach(async () => {
  await cluster.remove();
  await rm(folder, { recursive: true });
});

const ids = (): readonly string[] => cluster.layout.nodes.map(({ id }) => id);
const dataOf = (id: string): string => cluster.node(id).dataDir;
/** The one folder of the version that is active. */
const stateOf = (id: string): string => {
  const state = join(dataOf(id), "state");
  const names = readdirSync(state);
  expect(names).toHaveLength(1);
  return join(state, names[0]!);
};
const killAll = () => Promise.all(ids().map((id) => cluster.process(id).kill()));
const said = (id: string, words: string): boolean => cluster.logOf(id).includes(words);
/** The entries that the state of a stopped node has in it. */
const entriesIn = (id: string): readonly string[] => lookInto(stateOf(id)).lines;

/** What a linearizable query through each node says. */
async function values(): Promise<readonly number[]> {
  const clients = cluster.layout.nodes.map(({ address }) => cluster.connect([address], { readFrom: "any" }));
  return Promise.all(clients.map((client) => valueOf(client)));
}

const start = async (): Promise<void> => {
  cluster = await TestCluster.start({
    plugin: join(folder, "tally.js"),
    settings: { raft: { snapshot_every_entries: 400 } },
  });
};

describe("P27: SIGKILL of all nodes under load", () => {
  test("loses no acknowledged command, applies none twice, and each node continues with its state", async () => {
    await start();
    const counters = Array.from({ length: 3 }, () => new LoadedCounter(cluster.connect(), { workers: 4 }));
    const acknowledged = (): number => counters.reduce((sum, counter) => sum + counter.acknowledged, 0);
    for (let killed = 0; killed < kills; killed += ids().length) {
      const wanted = acknowledged() + leastEach;
      await until(`${leastEach} more`, () => acknowledged() >= wanted || counters.some(({ inDoubt }) => inDoubt > 0));
      await killAll();
      for (const id of ids()) expect(new Set(entriesIn(id)).size).toBe(entriesIn(id).length);
      for (const id of ids()) cluster.run(id);
    }
    await cluster.leader();
    await Promise.all(counters.map((counter) => counter.stop()));
    expect(counters.flatMap(({ errors }) => errors)).toEqual([]);
    await cluster.inStep();
    expect(await values()).toEqual(ids().map(() => acknowledged()));
    await killAll();
    const [one, ...others] = ids().map((id) => entriesIn(id));
    for (const other of others) expect(other).toEqual(one!);
    for (const id of ids()) expect(said(id, "the state machine continues with its state on disk")).toBe(true);
  }, 240_000);
});

describe("a state that is not of this node's log is not used, and the log says why", () => {
  const increments = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) await cluster.client.command(new TextEncoder().encode("add 1"));
  };
  const restarted = async (id: string, words: string): Promise<void> => {
    cluster.run(id);
    await until(`${id} says "${words}"`, () => said(id, words));
    await increments(1);
    await cluster.inStep();
  };

  test("of another incarnation, older than the snapshot, and damaged", async () => {
    await start();
    await increments(20);
    await cluster.inStep();
    const [one = "", other = ""] = await cluster.followers();
    await Promise.all([one, other].map((id) => cluster.process(id).kill()));
    const inspected = await cluster.graft(["log", "inspect", "--data-dir", dataOf(one)]);
    expect(inspected.stdout).toMatch(/^state +on disk: state\/[0-9a-f]{16}, \d+ bytes$/m);
    await rm(join(dataOf(one), "state"), { recursive: true });
    cpSync(join(dataOf(other), "state"), join(dataOf(one), "state"), { recursive: true });
    const early = join(folder, "early");
    cpSync(join(dataOf(other), "state"), early, { recursive: true });
    cluster.run(other);
    await restarted(one, "another incarnation of this node has written it");
    expect(await values()).toEqual([21, 21, 21]);

    expect((await cluster.graft(["backup", "a.backup", "--node", other])).exitCode).toBe(0);
    await cluster.process(other).kill();
    await rm(join(dataOf(other), "state"), { recursive: true });
    cpSync(early, join(dataOf(other), "state"), { recursive: true });
    await restarted(other, "and the snapshot at");
    expect(await values()).toEqual([22, 22, 22]);

    await cluster.process(one).kill();
    // SQLite would read the database from its WAL.
    for (const end of ["-wal", "-shm"]) await rm(journalIn(stateOf(one)) + end, { force: true });
    writeFileSync(journalIn(stateOf(one)), "no database at all".repeat(1000));
    await restarted(one, "on disk cannot be used");
    expect(await values()).toEqual([23, 23, 23]);
    const aside = readdirSync(dataOf(one)).filter((name) => name.startsWith("damaged-"));
    expect(aside).toHaveLength(1);
    expect(existsSync(join(dataOf(one), aside[0]!))).toBe(true);
  }, 120_000);
});

test("P27: a version that takes over while all nodes are killed has every entry once, and the folder of the one before goes", async () => {
  const versions = join(folder, "versions");
  await mkdir(versions);
  await writeFile(join(versions, "v1.js"), plugin("1.0.0"));
  await writeFile(join(versions, "v2.js"), plugin("2.0.0"));
  cluster = await TestCluster.start({ plugin: versions, settings: { raft: { snapshot_every_entries: 400 } } });
  const counter = new LoadedCounter(cluster.connect(), { workers: 8 });
  const kill = async (): Promise<void> => {
    await counter.progress(leastEach);
    await killAll();
    for (const id of ids()) cluster.run(id);
    await cluster.leader();
  };
  for (const version of ["1.0.0", "2.0.0", "1.0.0"]) {
    await until(`${version} is active`, async () => {
      const { exitCode, stdout } = await cluster.graft(["plugin", "roll-out", version]);
      return exitCode === 0 && stdout.includes("active");
    });
    await kill();
  }
  await counter.stop();
  expect(counter.errors).toEqual([]);
  await cluster.inStep();
  expect(await values()).toEqual(ids().map(() => counter.acknowledged));
  await killAll();
  const [one, ...others] = ids().map((id) => entriesIn(id));
  for (const other of others) expect(other).toEqual(one!);
  expect(new Set(one).size).toBe(counter.acknowledged);
}, 240_000);
