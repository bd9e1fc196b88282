// A process of its own that gives back space until its disk fails: `reclaimer.ts DATA_DIR` says why, and what the store
// answers then.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { GraftError } from "../../../src/errors.ts";
import { ignoreDurable, vote } from "../../contracts/log-entries.ts";

function sayHowItEnds(work: () => unknown): void {
  try {
    work();
    writeSync(1, "done\n");
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    writeSync(1, `${error.message}\n`);
  }
}

// The signal would end the process before the error reaches SQLite.
process.on("SIGXFSZ", () => undefined);
const store = openSqliteLogStore({ dataDir: process.argv[2] ?? "", randomBytes });
sayHowItEnds(() => {
  while (store.reclaim());
});
sayHowItEnds(() => store.reclaim());
sayHowItEnds(() => store.write([vote(9, null)], ignoreDurable));
sayHowItEnds(() => store.close());
process.exit(0);
