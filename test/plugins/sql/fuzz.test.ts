// Two nodes that differ as nodes may come to the same answers and the same content: one runs everything in one go, the other one is restarted, crashes,
// is restored from snapshots, answers other queries, and has another clock.
//
// SQL_SEED=N draws the same scripts as a run that printed N. SQL_SECONDS=N goes on for so long.
import { afterEach, expect, setSystemTime, test } from "bun:test";
import { Rejected } from "graft";
import { assert, property } from "fast-check";
import type { CommandValues } from "../../../plugins/sql/database.ts";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";
import { type Step, steps } from "./scripts-drawn.ts";

afterEach(closeAll);
afterEach(() => void setSystemTime());

type Sql = Extract<Step, { readonly sql: string }>;

/** The same wherever a step runs, and however often. */
function valuesOf(nth: number): CommandValues {
  let drawn = nth;
  return { timeMs: 1_700_000_000_000 + nth * 86_413_579, random: () => (++drawn * 0.317) % 1 };
}

function outcomeOf({ db }: TestDatabase, { kind, sql, params }: Sql, nth: number): unknown {
  try {
    return kind === "execute" ? db.execute(sql, params, valuesOf(nth)) : db.query(sql, params, valuesOf(nth));
  } catch (error) {
    if (error instanceof Rejected) return { refused: error.message };
    throw error;
  }
}

/** The one to which it all happens. */
class Disturbed {
  #database = openDatabase();
  /** Commands since the last commit. */
  #pending: { readonly step: Sql; readonly nth: number }[] = [];

  outcomeOf(step: Sql, nth: number): unknown {
    setSystemTime(new Date(nth * 1e10));
    const outcome = outcomeOf(this.#database, step, nth);
    setSystemTime();
    if (step.kind === "execute") this.#pending.push({ step, nth });
    return outcome;
  }

  happen(kind: Exclude<Step["kind"], Sql["kind"]>, leader: TestDatabase): void {
    if (kind === "crash") {
      this.#database.reopen();
      for (const { step, nth } of this.#pending) outcomeOf(this.#database, step, nth);
      return;
    }
    this.#pending = [];
    this.#database.db.commit([]);
    if (kind === "reopen") this.#database.reopen();
    if (kind === "copy") this.#database = copyOf(this.#database);
    if (kind === "follow") this.#database = copyOf(leader);
  }

  content(): unknown {
    return contentOf(this.#database);
  }
}

/** What a snapshot has, and what queries give: also columns that are generated, and what an index has of a column. */
function contentOf(database: TestDatabase): unknown {
  const items = database.items();
  const tables = items.flatMap((item) => (item[0] === "table" ? [item[1]] : []));
  const ask = (sql: string): unknown => outcomeOf(database, { kind: "query", sql, params: null }, 0);
  const rows = tables.flatMap((of) => [
    ask(`SELECT * FROM [${of}]`),
    ask(`SELECT * FROM [${of}] WHERE nope = 5`),
    ask(`SELECT nope FROM [${of}] ORDER BY nope`),
  ]);
  return { items, rows };
}

function mustAgree(all: readonly Step[]): { readonly done: number; readonly refused: number } {
  const one = openDatabase();
  const other = new Disturbed();
  let [done, refused] = [0, 0];
  try {
    for (const [nth, step] of all.entries()) {
      if (!("sql" in step)) other.happen(step.kind, one);
      else if (step.kind === "load") other.outcomeOf(step, nth);
      else {
        const outcome = outcomeOf(one, step, nth);
        expect({ ...step, outcome: other.outcomeOf(step, nth) }).toEqual({ ...step, outcome });
        if (typeof outcome === "object" && outcome !== null && "refused" in outcome) refused++;
        else done++;
      }
    }
    const content = contentOf(one);
    expect(other.content()).toEqual(content);
    expect(contentOf(copyOf(one))).toEqual(content);
    return { done, refused };
  } finally {
    closeAll();
  }
}

test("nodes agree whatever happens to one of them", () => {
  const seed = Number(process.env["SQL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const seconds = Number(process.env["SQL_SECONDS"] ?? 0);
  console.log(`again: SQL_SEED=${seed} bun test test/plugins/sql/fuzz.test.ts`);
  let [runs, done, refused] = [0, 0, 0];
  const drawn = property(steps, (all) => {
    const counts = mustAgree(all);
    runs++;
    done += counts.done;
    refused += counts.refused;
  });
  const bound = seconds === 0 ? { numRuns: 25 } : { numRuns: 1_000_000, interruptAfterTimeLimit: seconds * 1000 };
  assert(drawn, { seed, ...bound });
  console.log(`${runs} runs, ${done} statements done, ${refused} refused`);
  // Most of what is drawn must be good SQL, or the test shows little.
  expect(done).toBeGreaterThan(refused / 2);
}, 3_600_000);
