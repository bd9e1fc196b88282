// One session of SQL, driven through leaders that are killed: the state machine `sql` and the example in Python give the same answers, and the
// nodes of each cluster have the same rows.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { decodeValue } from "../../src/adapters/cbor/value.ts";
import { GraftError } from "../../src/errors.ts";
import type { LocalClusterRequest } from "../../src/local/local-cluster.ts";
import { TestCluster, until } from "./test-cluster.ts";

type Sql = string | { readonly sql: string; readonly params: readonly (string | number | null)[] };
type Plugin = NonNullable<LocalClusterRequest["plugin"]>;

const rounds = 12;
const accounts = 7;

/** Writes that depend on what came before them, some of which are refused. */
function* session(): Generator<Sql> {
  yield `CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL CHECK (cents >= 0)) WITHOUT ROWID;
         CREATE TABLE moves (id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, cents INTEGER, note) WITHOUT ROWID;
         CREATE INDEX moves_by_source ON moves (source);
         CREATE TRIGGER noted AFTER INSERT ON moves BEGIN UPDATE moves SET note = 'of ' || new.cents WHERE id = new.id; END;`;
  for (let nth = 1; nth <= accounts; nth++) {
    yield { sql: "INSERT INTO accounts VALUES (?, ?, ?)", params: [nth, `owner ${nth}; --'`, nth * 1_000] };
  }
  for (let round = 0; round < rounds; round++) yield* moves(round);
}

function* moves(round: number): Generator<Sql> {
  for (let nth = 1; nth <= accounts; nth++) {
    const [source, target, cents] = [nth, ((nth + round) % accounts) + 1, (nth * 311 + round * 997) % 1_500];
    yield `UPDATE accounts SET cents = cents - ${cents} WHERE id = ${source};
           UPDATE accounts SET cents = cents + ${cents} WHERE id = ${target};
           INSERT INTO moves (id, source, target, cents) VALUES (${round * 100 + nth}, ${source}, ${target}, ${cents}) RETURNING id, source, target, cents;`;
  }
  yield { sql: "INSERT INTO accounts VALUES (?, ?, 1) RETURNING id", params: [100 + round, `owner ${round + 1}; --'`] };
  yield {
    sql: "INSERT INTO accounts VALUES (99, 'guest', ?) ON CONFLICT (owner) DO UPDATE SET cents = cents + excluded.cents RETURNING *",
    params: [round],
  };
  yield `DELETE FROM moves WHERE id % 5 = ${round % 5} AND cents < 400 RETURNING id`;
  yield {
    sql: "UPDATE moves SET note = ? WHERE id = (SELECT max(id) FROM moves)",
    params: [round % 3 === 0 ? null : round / 4],
  };
}

const questions = [
  "SELECT * FROM accounts ORDER BY id",
  "SELECT id, source, target, cents, note, typeof(note) AS kind FROM moves ORDER BY id",
  "SELECT source, count(*) AS n, sum(cents) AS total, max(note) AS note FROM moves GROUP BY source ORDER BY source",
  "SELECT a.owner, m.cents FROM accounts a JOIN moves m ON m.target = a.id ORDER BY m.id DESC LIMIT 20",
];

interface Told {
  readonly changes: number;
  readonly rows: readonly unknown[];
}

/** What a client is told that sends one after the other, and what each node answers in the end. */
async function play(plugin: Plugin): Promise<{ told: readonly (Told | "rejected")[]; rows: readonly unknown[] }> {
  const cluster = await TestCluster.start({ plugin, settings: { raft: { snapshot_every_entries: 100 } } });
  try {
    const told: (Told | "rejected")[] = [];
    for (const sql of session()) {
      const answer = cluster.client
        .command(encodeOperation("execute", sql))
        .then(({ payload }) => toldOf(decodeValue(payload)), rejected);
      const killed = told.length % 10 === 5 ? killLeader(cluster) : Promise.resolve();
      const [outcome] = await Promise.all([answer, killed]);
      told.push(outcome);
    }
    await cluster.inStep();
    const rows = await Promise.all(cluster.layout.nodes.map(({ address }) => answersOf(cluster, address)));
    expect(rows).toEqual(rows.map(() => rows[0]!));
    return { told, rows: rows[0]! };
  } finally {
    await cluster.remove();
  }
}

async function killLeader(cluster: TestCluster): Promise<void> {
  const id = await cluster.leader();
  await cluster.process(id).kill();
  cluster.run(id);
}

function toldOf(value: unknown): Told {
  const { changes, rows } = value as Told;
  return { changes, rows };
}

function rejected(error: unknown): "rejected" {
  if (error instanceof GraftError && error.code === "rejected") return "rejected";
  throw error;
}

async function answersOf(cluster: TestCluster, address: string): Promise<readonly unknown[]> {
  const at = cluster.connect([address], { readFrom: "any" });
  const answers: unknown[] = [];
  for (const question of questions) {
    const asked = (): Promise<unknown> =>
      at
        .query(encodeOperation("query", question), { consistency: "linearizable" })
        .then(({ payload }) => decodeValue(payload));
    answers.push(await until(`an answer of ${address}`, asked));
  }
  return answers;
}

const python = { command: ["python3", join(import.meta.dir, "../../examples/sql.py")] };
const hasPython =
  Bun.which("python3") !== null &&
  Bun.spawnSync(["python3", "-c", "import sqlite3; sqlite3.Connection.serialize"]).success;

test.skipIf(!hasPython)(
  "the state machine sql and the example in Python come to the same, through leaders that are killed",
  async () => {
    const [here, there] = [await play("sql"), await play(python)];
    expect(there).toEqual(here);
    const refused = here.told.filter((each) => each === "rejected").length;
    expect(refused).toBeGreaterThan(rounds / 2);
    expect(refused).toBeLessThan(here.told.length / 2);
  },
  480_000,
);
