// A process of its own that makes the writes of random-writes.ts until it is killed: `random-writer.ts DATA_DIR SEED SKIP`. SKIP
// writes have been made by the process before. A line with its number acknowledges a write.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { randomWrites } from "./random-writes.ts";

const [dataDir = "", seed, skip] = process.argv.slice(2);
const store = openSqliteLogStore({ dataDir, randomBytes });
let count = 0;
for (const { effects } of randomWrites(Number(seed))) {
  if (++count <= Number(skip)) continue;
  store.write(effects, () => void writeSync(1, `${count}\n`));
}
