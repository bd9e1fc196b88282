// Two runs on one machine never get the same port, also when neither listens on it yet.
import { expect, test } from "bun:test";
import { areFree, findFreePorts, findFreePortsInARow } from "../../src/local/free-ports.ts";

const source = import.meta.resolve("../../src/local/free-ports.ts");
const program = Bun.fileURLToPath(import.meta.resolve("./port-taker.ts"));

interface Taker {
  readonly ports: readonly number[];
  kill(): Promise<void>;
}

async function takeElsewhere({ lowest, highest }: Range, count: number): Promise<Taker> {
  const command = [process.execPath, program, ...[lowest, highest, count].map(String)];
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  return {
    ports: JSON.parse(new TextDecoder().decode(value)) as number[],
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/** Ports that are free, in a row, where no cluster looks for any. The process that claimed them has ended. */
async function ownRange(count: number): Promise<Range> {
  const script = `import { findFreePortsInARow } from ${JSON.stringify(source)};
    console.log(findFreePortsInARow(${count}, { lowest: 9_000, highest: 14_000 }))`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const lowest = Number(await child.stdout.text());
  await child.exited;
  return { lowest, highest: lowest + count };
}

test("a port that one process was given no other gets, until the first one has ended, also by a crash", async () => {
  const range = await ownRange(8);
  const first = await takeElsewhere(range, 4);
  try {
    expect(new Set(first.ports).size).toBe(4);
    // Nothing listens on them yet.
    for (const port of first.ports) expect(areFree(port, 1)).toBe(true);
    const second = await takeElsewhere(range, 4);
    try {
      expect(new Set([...first.ports, ...second.ports]).size).toBe(8);
      expect(() => findFreePorts(1, range)).toThrow("there are no 1 free ports");
    } finally {
      await second.kill();
    }
    const rest = Array.from({ length: 8 }, (_, at) => range.lowest + at).filter((port) => !first.ports.includes(port));
    expect(new Set(findFreePorts(4, range))).toEqual(new Set(rest));
  } finally {
    await first.kill();
  }
});

test("a port is not given twice in one process either, nor while something listens on it", async () => {
  const range = await ownRange(3);
  using listener = listening(range.lowest);
  expect(listener.port).toBe(range.lowest);
  expect(new Set(findFreePorts(2, range))).toEqual(new Set([range.lowest + 1, range.lowest + 2]));
  expect(() => findFreePorts(1, range)).toThrow("there are no 1 free ports");
});

test("ports in a row are all claimed, or none of them", async () => {
  const range = await ownRange(5);
  using listener = listening(range.lowest + 2);
  expect(listener.port).toBe(range.lowest + 2);
  expect(() => findFreePortsInARow(3, range)).toThrow("there are no 3 free ports");
  const first = findFreePortsInARow(2, range);
  expect([range.lowest, range.lowest + 3]).toContain(first);
  expect(findFreePortsInARow(2, range)).toBe(first === range.lowest ? range.lowest + 3 : range.lowest);
});

const listening = (port: number) => Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
