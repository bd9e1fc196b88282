// That logging reaches its reader, and that a reader who is slow, stuck or gone cannot hold up the process (P50).
// The sink is a named pipe that the test opens and reads when it pleases.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConsolaLogger, type LoggerOptions } from "../../../src/adapters/consola/logger.ts";

let dir: string;
const descriptors: number[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "graft-log-"));
});
afterEach(async () => {
  for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  await rm(dir, { recursive: true, force: true });
});

function open(path: string, flags: string | number): number {
  const descriptor = openSync(path, flags);
  descriptors.push(descriptor);
  return descriptor;
}

/** A pipe that holds 64 KiB until somebody reads it. */
function makePipe(flags: string | number = "r+"): number {
  const path = join(dir, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).success).toBe(true);
  return open(path, flags);
}

function makeLogger(fileDescriptor: number, more: Partial<LoggerOptions> = {}): ConsolaLogger {
  return new ConsolaLogger({ level: "info", format: "json", fileDescriptor, ...more });
}

const buffer = Buffer.alloc(1 << 16);

function readWhatIsThere(descriptor: number): string {
  try {
    return buffer.toString("utf8", 0, readSync(descriptor, buffer));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return "";
    throw error;
  }
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly i?: number;
  readonly lines?: number;
}

const parseLines = (text: string): Line[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

test("lines arrive whole and in order, those below the level not at all", async () => {
  const path = join(dir, "log");
  const logger = makeLogger(open(path, "w"));
  expect([logger.enabled("debug"), logger.enabled("info"), logger.enabled("error")]).toEqual([false, true, true]);
  for (let i = 0; i < 3000; i++) logger.log(i % 2 === 0 ? "warn" : "debug", "same message", { i });
  await logger.flush(10_000);
  const lines = parseLines(readFileSync(path, "utf8"));
  expect(lines.map((line) => line.i)).toEqual(Array.from({ length: 1500 }, (_, i) => 2 * i));
  expect(new Set(lines.map((line) => line.level))).toEqual(new Set(["warn"]));
});

test("without fields, and with nothing to flush", async () => {
  const path = join(dir, "log");
  const logger = makeLogger(open(path, "w"), { format: "pretty", onTerminal: false, level: "trace" });
  await logger.flush(10_000);
  logger.log("trace", "started");
  await logger.flush(10_000);
  expect(readFileSync(path, "utf8")).toMatch(/^\S+ trace started\n$/);
});

test("a line that repeats is written each time, at once", async () => {
  const path = join(dir, "log");
  const logger = makeLogger(open(path, "w"));
  for (let i = 0; i < 50; i++) logger.log("info", "same");
  await logger.flush(10_000);
  expect(parseLines(readFileSync(path, "utf8"))).toHaveLength(50);
});

test("P50: a pipe that nobody reads loses lines, and what was lost is told once it is read", async () => {
  const pipe = makePipe();
  const logger = makeLogger(pipe, { queueBytesMax: 100_000 });
  const count = 20_000;
  const startMs = performance.now();
  for (let i = 0; i < count; i++) logger.log("info", "filling the pipe with lines", { i });
  expect(performance.now() - startMs).toBeLessThan(5000);
  await logger.flush(50);

  const reader = open(join(dir, "pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
  let text = "";
  while (!text.includes("dropped") || !text.endsWith("\n")) {
    text += readWhatIsThere(reader);
    // The next part of the queue is written by the event loop.
    await Bun.sleep(1);
  }
  const lines = parseLines(text);
  const told = lines.pop();
  expect(told).toMatchObject({ level: "warn", message: expect.stringContaining("dropped") });
  expect(lines.map((line) => line.i)).toEqual(lines.map((_, i) => i));
  expect(lines.length + (told?.lines ?? 0)).toBe(count);
  expect(lines.length).toBeLessThan(5000);
});

test("P50: a descriptor that takes parts of what it is given, or says it is full, gets all of it in the end", async () => {
  const pipe = makePipe(constants.O_RDWR | constants.O_NONBLOCK);
  const logger = makeLogger(pipe);
  for (let i = 0; i < 3000; i++) logger.log("info", "more than a pipe holds", { i });
  let text = "";
  while (!text.endsWith("\n") || !text.includes('"i":2999}')) {
    text += readWhatIsThere(pipe);
    await Bun.sleep(1);
  }
  expect(parseLines(text).map((line) => line.i)).toEqual(Array.from({ length: 3000 }, (_, i) => i));
});

test("P50: a process whose standard error is stuck goes on and exits", async () => {
  const pipe = makePipe();
  const loggerPath = JSON.stringify(join(import.meta.dir, "../../../src/adapters/consola/logger.ts"));
  const script = `
    import { ConsolaLogger } from ${loggerPath};
    const logger = new ConsolaLogger({ level: "info", format: "json" });
    for (let i = 0; i < 20_000; i++) logger.log("info", "filling the pipe with lines", { i });
    setTimeout(async () => {
      logger.log("error", "still alive");
      await logger.flush(100);
      console.log("alive and leaving");
      process.exit(7);
    }, 50);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: pipe });
  expect(await new Response(child.stdout).text()).toBe("alive and leaving\n");
  expect(await child.exited).toBe(7);
});

test("P50: a sink that is gone is no error, and one that comes back hears what was lost", async () => {
  const path = join(dir, "log");
  const readOnly = open("/dev/null", "r");
  const logger = makeLogger(readOnly);
  logger.log("info", "lost");
  await logger.flush(10_000);
  // The same descriptor number, now of a file that can be written.
  closeSync(descriptors.pop() ?? -1);
  expect(open(path, "w")).toBe(readOnly);
  logger.log("info", "heard");
  await logger.flush(10_000);
  expect(parseLines(readFileSync(path, "utf8"))).toMatchObject([{ message: "heard" }, { level: "warn", lines: 1 }]);
});

test("P57: nothing is written to standard output", () => {
  const loggerPath = JSON.stringify(join(import.meta.dir, "../../../src/adapters/consola/logger.ts"));
  const script = `
    import { ConsolaLogger } from ${loggerPath};
    const logger = new ConsolaLogger({ level: "trace", format: "pretty" });
    for (const level of ["trace", "debug", "info", "warn", "error"]) logger.log(level, "a\\nb", { level });
    await logger.flush(10_000);`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect(child.stdout.toString()).toBe("");
  expect(child.stderr.toString().trim().split("\n")).toHaveLength(5);
});

test("P58: the last lines of a process leave behind all that wait, without its event loop", () => {
  const loggerPath = JSON.stringify(join(import.meta.dir, "../../../src/adapters/consola/logger.ts"));
  const script = `
    import { ConsolaLogger } from ${loggerPath};
    const logger = new ConsolaLogger({ level: "info", format: "json" });
    for (let i = 0; i < 3; i++) logger.log("info", "waits", { i });
    process.on("uncaughtException", () => {
      logger.logLast(["where", "why"], 30_000);
      process.exit(7);
    });
    throw new Error("planted");`;
  const child = Bun.spawnSync([process.execPath, "-e", script]);
  expect([child.exitCode, child.stdout.toString()]).toEqual([7, ""]);
  const lines = parseLines(child.stderr.toString());
  expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "info waits",
    "info waits",
    "info waits",
    "error where",
    "error why",
  ]);
});

test("P50: last lines for a sink that is stuck, or gone, are given up", () => {
  const pipe = makePipe();
  const logger = makeLogger(pipe);
  const fillsIt = "more than a pipe holds ".repeat(5_000);
  logger.logLast(
    Array.from({ length: 200 }, () => fillsIt),
    50,
  );
  makeLogger(open("/dev/full", "w")).logLast(["nobody can be told"], 30_000);
});
