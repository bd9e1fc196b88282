// A process of its own whose files may only become so large: `overflow.ts DATA_DIR` writes a snapshot until it fails, says
// why, and what writing, finishing and abandoning it come to after that.
import { writeSync } from "node:fs";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import { GraftError } from "../../../src/errors.ts";
import { bytesOf, headerAt } from "../../contracts/snapshot-store.contract.ts";

async function sayHowItFails(work: () => Promise<unknown>): Promise<void> {
  try {
    for (;;) await work();
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    writeSync(1, `${error.message}\n`);
  }
}

// The signal would end the process before the error reaches it.
process.on("SIGXFSZ", () => undefined);
const store = openFileSnapshotStore(process.argv[2] ?? "");
const writer = await store.create(headerAt(1));
const chunk = bytesOf(100_000);
await sayHowItFails(() => writer.write(chunk));
await sayHowItFails(() => writer.write(chunk));
await sayHowItFails(() => writer.finish());
await writer.abandon();
process.exit(0);
