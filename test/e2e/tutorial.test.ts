// Does the tutorial of docs/plugins.md do what it says? Its files are written, its changes made and its commands run in an empty folder, with the
// compiled binary. What is printed must be what the page shows.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePortsInARow } from "../../src/local/free-ports.ts";
import { type Block, blocksOf, changedBy, fileNameOf } from "../plugin-pages.ts";
import { binary, graft, temporaryFolder, until } from "./test-cluster.ts";

const patienceMs = 240_000;

/** The commands of a block, each with what the page says that it prints. */
function commandsOf(text: string): readonly (readonly [command: string, shown: string])[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1).trim()]);
}

/** As a shell does it with words and single quotes. */
const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

/** Numbers, times, ports and hashes of Bun differ, and so does which node leads. These commands print no such thing. */
const isExact = (command: string): boolean => /^graft (?:execute|plugin new|plugin roll-out) /.test(command);
const shapeOf = (text: string): string =>
  text
    .replace(/\([\da-f]{9,}\)/g, "(hash)")
    .replace(/\d+(?:\.\d+)?/g, "0")
    .replace(/follower|leader/g, "role")
    .replace(/ {2,}/g, " ");

/** The page leaves lines out. */
const leftOut = /^…$/m;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A reader with two terminals. */
class Reader {
  readonly #plugin = join(folder, "booking");
  readonly #cluster = join(this.#plugin, "graft-dev");
  readonly #port = String(findFreePortsInARow(4));
  #dev: Bun.Subprocess | null = null;
  #cwd = folder;

  async follow(block: Block): Promise<void> {
    switch (block.language) {
      case "console":
        for (const [command, shown] of commandsOf(block.text)) await this.#run(command, shown);
        return;
      case "ts":
        return writeFileSync(join(this.#plugin, fileNameOf(block)), block.text);
      case "diff": {
        const path = join(this.#plugin, fileNameOf(block));
        return writeFileSync(path, changedBy(block, readFileSync(path, "utf8")));
      }
      case "toml":
        return this.#nameVersions(block.text);
      default:
        throw new RangeError(`a reader cannot follow a block of ${block.language}`);
    }
  }

  async #run(command: string, shown: string): Promise<void> {
    const [program = "", ...args] = wordsOf(command);
    if (program === "cd") return void (this.#cwd = join(this.#cwd, args[0]!));
    if (command.startsWith("graft dev")) return this.#startDev(args, shown);
    // The second terminal is in the folder of the cluster while that runs.
    const inCluster = /^graft (?:execute|cluster|stop|plugin roll-out) /.test(command);
    const cwd = inCluster ? this.#cluster : this.#cwd;
    // A hold ends after a while, and the nodes catch up after a while.
    const isAwaited = /^graft (?:execute query|cluster status)/.test(command);
    const see = async (): Promise<boolean> => agrees(command, await printed(program, args, cwd), shown);
    if (isAwaited) await until(`${command} prints\n${shown}`, see);
    else expectAgreement(command, await printed(program, args, cwd), shown);
  }

  async #startDev(args: readonly string[], shown: string): Promise<void> {
    await this.stopDev();
    const out = join(folder, "dev.out");
    writeFileSync(out, "");
    const ports = existsSync(this.#cluster) ? [] : ["--port", this.#port];
    const options = { cwd: this.#cwd, stdout: Bun.file(out), stdin: "ignore", stderr: "ignore" } as const;
    this.#dev = Bun.spawn([binary, ...args, ...ports], options);
    const text = await until(
      "graft dev is up",
      () => /[^]*Ctrl-C stops all\.\n/.exec(readFileSync(out, "utf8"))?.[0] ?? null,
    );
    expectAgreement("graft dev", text.trim(), shown);
  }

  /** Ctrl-C. */
  async stopDev(): Promise<void> {
    const dev = this.#dev;
    this.#dev = null;
    dev?.kill("SIGINT");
    if (dev !== null) expect(await dev.exited).toBe(0);
  }

  async #nameVersions(text: string): Promise<void> {
    await this.stopDev();
    for (const node of ["n1", "n2", "n3", "n4"]) {
      const path = join(this.#cluster, `${node}.toml`);
      const before = readFileSync(path, "utf8");
      writeFileSync(
        path,
        before.replace(/^\[state_machine\]\nplugin = .*\n/m, () => text),
      );
      expect(readFileSync(path, "utf8")).not.toBe(before);
    }
  }
}

async function printed(program: string, args: readonly string[], cwd: string): Promise<string> {
  if (program === "graft") {
    const { stdout, stderr, exitCode } = await graft(args, { cwd });
    expect([args, exitCode]).toEqual([args, stderr.startsWith("error: ") ? 1 : 0]);
    return `${stdout}${stderr}`.trim();
  }
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const child = Bun.spawn([program === "bun" ? process.execPath : program, ...args], {
    cwd,
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ program, exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return Bun.stripANSI(`${stdout}${stderr}`).trim();
}

/** What is shown stands in what is told, in order and with nothing between but what the page leaves out. */
function agrees(command: string, told: string, shown: string): boolean {
  const wordsIn = isExact(command) ? (text: string) => text : shapeOf;
  const parts = wordsIn(shown)
    .split(leftOut)
    .map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join("[^]*")}$`).test(wordsIn(told));
}

function expectAgreement(command: string, told: string, shown: string): void {
  if (!agrees(command, told, shown)) expect(`$ ${command}\n${told}`).toBe(`$ ${command}\n${shown}`);
}

test(
  "the tutorial prints what its page shows",
  async () => {
    const reader = new Reader();
    try {
      const blocks = blocksOf("plugins");
      expect(blocks.length).toBeGreaterThan(15);
      for (const block of blocks) await reader.follow(block);
    } finally {
      await reader.stopDev();
    }
  },
  patienceMs,
);
