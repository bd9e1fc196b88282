// A disk that refuses writes and then takes them again, and a process that dies at any moment: what was acknowledged is
// there, and nothing is tried a second time. The disk fails by the limit that the system puts on the size of a file.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { failedOperation } from "../../../src/adapters/sqlite/storage-errors.ts";
import { command } from "../../contracts/log-entries.ts";
import { createDataDirectory, type DataDirectory } from "./data-directory.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const program = Bun.fileURLToPath(import.meta.resolve("./writer.ts"));

/** A running writer, and its lines as they come. */
function startWriter(...prefix: string[]) {
  const child = Bun.spawn([...prefix, process.execPath, program, directory.dataDir], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  return { child, lines: linesOf(child.stdout) };
}

async function* linesOf(output: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let partial = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    const lines = (partial + decoder.decode(chunk, { stream: true })).split("\n");
    partial = lines.pop() ?? "";
    yield* lines;
  }
}

interface Acknowledged {
  readonly index: number;
  readonly term: number;
}

function parseAcknowledgement(line: string): Acknowledged {
  const [index = 0, term = 0] = line.split(" ").map(Number);
  return { index, term };
}

/** Opens what the writer has left: nothing acknowledged is missing, no write is there by half. Returns the end. */
function checkLeftBehind(acknowledged: Acknowledged): number {
  const store = directory.open();
  const { last, currentTerm } = store.saved;
  expect(last.index).toBeGreaterThanOrEqual(acknowledged.index);
  expect(currentTerm).toBeGreaterThanOrEqual(acknowledged.term);
  // Each write raised the term and appended entries of it.
  expect(last.term).toBe(currentTerm);
  const entries = store.read(1, last.index, Number.MAX_SAFE_INTEGER);
  expect(entries).toHaveLength(last.index);
  for (const entry of entries) expect(entry).toEqual(command(entry.index, entry.term, 256));
  store.close();
  return last.index;
}

describe.skipIf(Bun.which("prlimit") === null)("P47: a disk that refuses a write and then recovers", () => {
  test("the write is reported, never tried again, and every later call is refused", async () => {
    const { child, lines } = startWriter("prlimit", "--fsize=500000:");
    let acknowledged: Acknowledged = { index: 0, term: 0 };
    let failure = "";
    for (let line = await lines.next(); !line.done && failure === "";) {
      if (line.value.startsWith("failed ")) failure = line.value;
      else acknowledged = parseAcknowledgement(line.value);
      if (failure === "") line = await lines.next();
    }
    expect(acknowledged.index).toBeGreaterThan(100);
    expect(failure).toContain("SQLITE_IOERR");
    expect(failure).toContain("not tried again");
    expect(failure).toContain(directory.file);

    const lifted = Bun.spawnSync(["prlimit", `--pid=${child.pid}`, "--fsize=unlimited:"]);
    expect(lifted.exitCode).toBe(0);
    await child.stdin.write("go on\n");
    await child.stdin.end();
    const rest = await Array.fromAsync(lines);
    expect(await child.exited).toBe(0);
    expect(rest).toHaveLength(3);
    expect(rest[0]).toStartWith("write The log in ");
    expect(rest[0]).toContain("earlier failure");
    expect(rest[1]).toContain("earlier failure");
    expect(rest[2]).toBe("close null");
    // Closed through SQLite, it would have been synced and carried over after all, and removed.
    expect(existsSync(`${directory.file}-wal`)).toBe(true);
    checkLeftBehind(acknowledged);
  });
});

test("P58: a process that ends at once leaves its log as it is, and closes nothing", () => {
  const logStore = Bun.fileURLToPath(import.meta.resolve("../../../src/adapters/sqlite/log-store.ts"));
  const logEntries = Bun.fileURLToPath(import.meta.resolve("../../contracts/log-entries.ts"));
  const script = `
    import { readFileSync } from "node:fs";
    import { openSqliteLogStore } from ${JSON.stringify(logStore)};
    import { append, commands, vote } from ${JSON.stringify(logEntries)};
    const randomBytes = (count) => new Uint8Array(count);
    const store = openSqliteLogStore({ dataDir: ${JSON.stringify(directory.dataDir)}, randomBytes });
    store.write([vote(1, "n1"), append(...commands(1, 3, 1, 256))], () => undefined);
    console.log(Bun.hash(readFileSync(${JSON.stringify(`${directory.file}-wal`)})).toString());
    process.exit(70);`;
  const child = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
  expect(child.exitCode).toBe(70);
  // SQLite's own closing would have carried it over and removed it.
  expect(Bun.hash(readFileSync(`${directory.file}-wal`)).toString()).toBe(child.stdout.toString().trim());
  checkLeftBehind({ index: 3, term: 1 });
});

test("a full disk is named as one", () => {
  using db = new Database(":memory:");
  db.run("PRAGMA max_page_count = 2; CREATE TABLE heap (thing BLOB)");
  let cause: unknown = null;
  try {
    db.run("INSERT INTO heap VALUES (zeroblob(100000))");
  } catch (error) {
    cause = error;
  }
  expect(failedOperation("the file", "Writing", cause).message).toContain("Free space on that disk");
});

test("a process killed at any moment loses nothing that it acknowledged, and leaves no gap", async () => {
  let end = 0;
  for (const linesBeforeKill of [1, 2, 7, 40, 150, 400]) {
    const { child, lines } = startWriter();
    let acknowledged: Acknowledged = { index: 0, term: 0 };
    let count = 0;
    for await (const line of lines) {
      acknowledged = parseAcknowledgement(line);
      if (++count === linesBeforeKill) child.kill("SIGKILL");
    }
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    expect(acknowledged.index).toBeGreaterThan(end);
    end = checkLeftBehind(acknowledged);
  }
}, 60_000);
