// sql in the compiled binary: commands and queries of the command line, nodes that are killed under load, and a node that begins with a snapshot.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type sqlMachine from "../../plugins/sql/index.ts";
import { typedClient } from "../../src/client/typed-client.ts";
import { TestCluster, until } from "./test-cluster.ts";

/** How often a node is killed. More may be worth an hour by hand. */
const kills = 30;
/** Inserts that are acknowledged between two kills. */
const insertsBetween = 40;
const workers = 4;
const snapshotEvery = 100;
/** So many are more than the log keeps behind a snapshot. */
const largeBytes = 128 * 1024;

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start({ plugin: "sql", settings: { raft: { snapshot_every_entries: snapshotEvery } } });
});
afterEach(() => cluster.remove());

const ids = (): readonly string[] => cluster.layout.nodes.map(({ id }) => id);
const addressOf = (id: string): string => cluster.node(id).address;
const connect = (addresses?: readonly string[], readFrom: "any" | "leader" = "leader") =>
  typedClient<typeof sqlMachine>(cluster.connect(addresses, { readFrom }));

/** What a linearizable query through each of these nodes gives. */
const rowsAt = (nodes: readonly string[], sql: string) =>
  Promise.all(
    nodes.map(
      async (id) => (await connect([addressOf(id)], "any").query("query", sql, { consistency: "linearizable" })).result,
    ),
  );

async function execute(kind: "command" | "query", ...args: readonly string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await cluster.graft(["execute", kind, ...args, "--json"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("the command line", () => {
  const demo = `
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT DEFAULT (datetime('now')), big INTEGER, raw BLOB);
    INSERT INTO users (name, big, raw) VALUES ('ada', 9007199254740993, x'00ff'), ('it''s bob; --', NULL, NULL);
  `;

  test("runs a script from a file, and a query at another node gives its rows", async () => {
    await writeFile(join(cluster.layout.dir, "demo.sql"), demo);
    const { exitCode, stderr } = await cluster.graft(["execute", "command", "--file", "demo.sql"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const [follower = ""] = await cluster.followers();
    const { stdout } = await cluster.graft(["execute", "query", "SELECT * FROM users", "-c", addressOf(follower)]);
    expect(stdout).toContain("ada");
    const rows = await rowsAt(ids(), "SELECT * FROM users");
    expect(rows[0]).toMatchObject([
      { id: 1, name: "ada", big: { integer: "9007199254740993" }, raw: new Uint8Array([0, 255]) },
      { id: 2, name: "it's bob; --", big: null, raw: null },
    ]);
    expect(rows).toEqual(ids().map(() => rows[0]!));
  });

  test("names what it refuses, and nothing of the script has happened", async () => {
    await execute("command", "CREATE TABLE notes (text TEXT)");
    for (const [sql, told] of [
      ["INSERT INTO notes VALUES ('a'); ATTACH 'other.db' AS other", "ATTACH"],
      ["INSERT INTO notes VALUES ('a'); PRAGMA user_version = 7", "PRAGMA"],
      ["INSERT INTO notes SELECT load_extension('x')", "load_extension"],
      ["INSERT INTO notes SELECT sqlite_version()", "sqlite_version"],
    ] as const) {
      const { exitCode, stderr } = await cluster.graft(["execute", "command", sql]);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(told)]);
    }
    const { exitCode, stderr } = await cluster.graft(["execute", "query", "DELETE FROM notes"]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("send it as a command")]);
    expect(await rowsAt(ids(), "SELECT * FROM notes")).toEqual([[], [], []]);
  });
});

/** Inserts that go on until it is stopped. None is sent twice. */
class Inserts {
  readonly acknowledged: string[] = [];
  readonly errors: unknown[] = [];
  readonly #work: Promise<unknown>;
  #isOver = false;

  constructor() {
    this.#work = Promise.all(Array.from({ length: workers }, (_, worker) => this.#insert(worker)));
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #insert(worker: number): Promise<void> {
    const client = connect();
    for (let nth = 0; !this.#isOver; nth++) {
      const name = `${worker}/${nth}`;
      try {
        await client.command("execute", { sql: "INSERT INTO names (name, r) VALUES (?, random())", params: [name] });
        this.acknowledged.push(name);
      } catch (error) {
        this.errors.push(error);
        this.#isOver = true;
      }
    }
  }
}

test("P27: each acknowledged insert is there once after nodes were killed under load, with the same values on every node", async () => {
  await execute("command", "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT, r INTEGER)");
  const inserts = new Inserts();
  for (let killed = 0; killed < kills; killed++) {
    const wanted = inserts.acknowledged.length + insertsBetween;
    await until(`${insertsBetween} more`, () => inserts.acknowledged.length >= wanted || inserts.errors.length > 0);
    const id = ids()[Math.floor(Math.random() * ids().length)]!;
    await cluster.process(id).kill();
    cluster.run(id);
  }
  await inserts.stop();
  expect(inserts.errors).toEqual([]);
  await cluster.inStep();
  const [rows, ...others] = await rowsAt(ids(), "SELECT id, name, r FROM names ORDER BY id");
  expect(rows!.map(({ name }) => name as string).toSorted()).toEqual(inserts.acknowledged.toSorted());
  expect(others).toEqual(others.map(() => rows!));
  const continued = ids().filter((id) => cluster.logOf(id).includes("continues with its state on disk"));
  expect(continued.length).toBeGreaterThan(0);
}, 240_000);

test("a fresh node is filled from a snapshot, and answers as the others do", async () => {
  await execute(
    "command",
    "CREATE TABLE names (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, r BLOB DEFAULT (randomblob(8)), large BLOB)",
  );
  const client = connect();
  const large = new Uint8Array(largeBytes).fill(7);
  for (let nth = 0; nth < snapshotEvery; nth++) {
    const sql = "INSERT INTO names (name, large) VALUES (?, ?)";
    await client.command("execute", { sql, params: [`name ${nth}`, large] });
  }
  await until("a snapshot is taken", () => ids().every((id) => cluster.logOf(id).includes("snapshot taken")));
  await cluster.join("n4");
  expect(await cluster.graft(["cluster", "add", "n4", addressOf("n4"), "--learner"])).toMatchObject({ exitCode: 0 });
  await until("n4 has been filled", () => cluster.logOf("n4").includes("state machine restored"));
  await client.command("execute", "DELETE FROM names WHERE id % 3 = 0");
  const [rows, ...others] = await rowsAt([...ids(), "n4"], "SELECT id, name, r, length(large) AS n FROM names");
  expect(rows!.map(({ id }) => Number(id) % 3)).not.toContain(0);
  expect(others).toEqual(others.map(() => rows!));
}, 120_000);
