// Two nodes agree: one that has run every statement, and one that was opened again and restored from snapshots in between.
import { afterEach, expect, test } from "bun:test";
import { Rejected } from "graft";
import { assert, property } from "fast-check";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";
import { type Step, steps } from "./statements-drawn.ts";

afterEach(closeAll);

type Outcome = { readonly result: unknown } | { readonly refused: string };

function outcomeOf(database: TestDatabase, step: Extract<Step, { readonly sql: string }>): Outcome {
  try {
    return { result: step.kind === "execute" ? database.execute(step.sql) : database.query(step.sql) };
  } catch (error) {
    if (error instanceof Rejected) return { refused: error.message };
    throw error;
  }
}

/** Of the second database alone. The first commits at the end, in one transaction. */
function disturbed(database: TestDatabase, kind: Step["kind"], draws: number): TestDatabase {
  database.db.commit([]);
  if (kind === "reopen") database.reopen();
  if (kind !== "copy") return database;
  const copy = copyOf(database);
  copy.skipDraws(draws);
  return copy;
}

function mustAgree(all: readonly Step[]): { readonly done: number; readonly refused: number } {
  const one = openDatabase();
  let other = openDatabase();
  let [done, refused] = [0, 0];
  try {
    for (const step of all) {
      if (!("sql" in step)) {
        other = disturbed(other, step.kind, one.draws);
        continue;
      }
      const outcome = outcomeOf(one, step);
      expect({ ...step, outcome: outcomeOf(other, step) }).toEqual({ ...step, outcome });
      if ("refused" in outcome) refused++;
      else done++;
    }
    expect(other.items()).toEqual(one.items());
    expect(copyOf(one).items()).toEqual(one.items());
    return { done, refused };
  } finally {
    closeAll();
  }
}

test("what one node answers, another one answers that was restarted and restored in between", () => {
  let [done, refused] = [0, 0];
  assert(
    property(steps, (all) => {
      const counts = mustAgree(all);
      done += counts.done;
      refused += counts.refused;
    }),
    { numRuns: 20 },
  );
  // Most of what is drawn must be good SQL, or the test shows little.
  expect(done).toBeGreaterThan(refused / 2);
});
