// A process of its own that opens a data directory and says how that went: `opener.ts DATA_DIR`.
import { randomBytes } from "node:crypto";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import { GraftError } from "../../../src/errors.ts";

try {
  openSqliteLogStore({ dataDir: process.argv[2] ?? "", randomBytes }).close();
  process.stdout.write("opened");
} catch (error) {
  if (!(error instanceof GraftError)) throw error;
  process.stdout.write(error.message);
}
