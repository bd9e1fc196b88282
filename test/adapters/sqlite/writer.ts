// A process of its own that appends batches until it is killed or its disk fails: `writer.ts DATA_DIR`. Every write raises
// the term, votes and appends entries of that term. A line `INDEX TERM` on standard output acknowledges a write.
// After a failure it says so, waits for a line on standard input, and says what the store answers then.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { GraftError } from "../../../src/errors.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { append, commands, vote } from "../../contracts/log-entries.ts";

const batchSizes = [1, 3, 16, 64, 2];

const say = (line: string): number => writeSync(1, `${line}\n`);

/** Appends until the store throws, and says why. */
function writeUntilFailure(store: LogStore): string {
  let { index } = store.saved.last;
  for (let term = store.saved.currentTerm + 1; ; term++) {
    const entries = commands(index + 1, index + batchSizes[term % batchSizes.length]!, term, 256);
    index += entries.length;
    const acknowledge = (): void => void say(`${index} ${term}`);
    const failure = failureOf(() => store.write([vote(term, "n1"), append(...entries)], acknowledge));
    if (failure !== null) return failure;
  }
}

function failureOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof GraftError) return error.message;
    throw error;
  }
}

// The signal would end the process before the error reaches SQLite.
process.on("SIGXFSZ", () => undefined);
const store = openSqliteLogStore({ dataDir: process.argv[2] ?? "", randomBytes });
say(`failed ${writeUntilFailure(store)}`);
for await (const _ of console) break;
const { index } = store.saved.last;
say(`write ${failureOf(() => store.write([vote(1_000_000, null)], () => say("1000000 1000000")))}`);
say(`read ${failureOf(() => store.read(index + 1, index + 1, 1))}`);
say(`close ${failureOf(() => store.close())}`);
process.exit(0);
