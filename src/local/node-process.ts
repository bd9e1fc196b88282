// A node as a process of its own, on this machine and of this program's making: it never outlives who started it, however
// that one ends, since it stops when its standard input does.
import type { Subprocess } from "bun";
import { closeSync, openSync } from "node:fs";
import type { LocalNode } from "./local-cluster.ts";

export interface NodeProcessOptions {
  /** How Graft is called: the binary alone, or the runtime and main.ts. */
  readonly program: readonly string[];
  readonly node: LocalNode;
  /** Where its log goes: to a file, which it is appended to, or line by line to a function. */
  readonly log: string | ((line: string) => void);
  /** Flags for `graft start`. */
  readonly flags?: readonly string[];
}

export class NodeProcess {
  readonly node: LocalNode;
  readonly #child: Subprocess<"pipe", "pipe" | "ignore", "pipe" | number>;

  constructor({ program, node, log, flags = [] }: NodeProcessOptions) {
    this.node = node;
    const file = typeof log === "string" ? openSync(log, "a") : null;
    this.#child = Bun.spawn([...program, "start", "--config", node.config, "--stop-with-stdin", ...flags], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: file ?? "pipe",
    });
    if (file !== null) closeSync(file);
    const { stderr } = this.#child;
    if (typeof log === "function" && stderr instanceof ReadableStream) void forEachLine(stderr, log);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the exit code; 128 and the signal's number when a signal ended it. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Asks for a graceful end; resolves with the exit code once it has come. */
  async stop(): Promise<number> {
    await this.#child.stdin.end();
    return this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As a power cut would; resolves once the process is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }
}

async function forEachLine(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}
