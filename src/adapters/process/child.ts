// How is a program begun, and how does all of it end? It leads a group of processes of its own, and the group ends with it: a process that
// it has left behind would keep its outputs open, and hold on to what it holds.
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { GraftError } from "../../errors.ts";

/** A program and its arguments, as in the configuration file, and the folder in which it runs. */
export interface ProgramLocation {
  readonly command: readonly string[];
  readonly directory: string;
}

export type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

/** How long after its outputs a program may take to end, and the other way round, ms. */
const endMsMax = 1_000;

const running = new Set<Child>();

// One that hangs would not notice that its standard input has ended.
process.on("exit", () => {
  for (const child of running) killAll(child);
});

/** A word that names a file is relative to the folder. The program itself is looked for on the PATH unless it has a slash. */
export function executableOf({ command: [program = ""], directory }: ProgramLocation): string {
  return program.includes("/") ? resolve(directory, program) : program;
}

export const cannotBeUsed = ({ command }: ProgramLocation, what: string, cause?: unknown): GraftError =>
  new GraftError("plugin", `The program ${command.join(" ")} cannot be used: ${what}`, { cause });

/** Throws `GraftError("plugin")`. */
export function spawn(location: ProgramLocation, environment: Readonly<Record<string, string>> = {}): Child {
  const { command, directory } = location;
  const [program = "", ...given] = command;
  const executable = executableOf(location);
  if (program.includes("/")) {
    if (!existsSync(executable)) throw cannotBeUsed(location, `${executable} does not exist`);
    if (!statSync(executable).isFile()) throw cannotBeUsed(location, `${executable} is not a file`);
    if ((statSync(executable).mode & 0o111) === 0) {
      const remedy = `chmod +x ${executable}, or name its interpreter first`;
      throw cannotBeUsed(location, `${executable} is not executable: ${remedy}`);
    }
  }
  try {
    const options = { cwd: directory, stdin: "pipe", stdout: "pipe", stderr: "pipe", detached: true } as const;
    const child = Bun.spawn([executable, ...given], { ...options, env: { ...process.env, ...environment } });
    running.add(child);
    void tidyAfter(child);
    return child;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw cannotBeUsed(location, `${basename(program)} cannot be started: ${reason}`, cause);
  }
}

async function tidyAfter(child: Child): Promise<void> {
  await child.exited;
  running.delete(child);
  killAll(child);
}

/** The program, and what it has started. */
export function killAll(child: Child): void {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // Nothing of it runs any more.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What it writes, until that ends, or a moment after it has ended: a process that has left its group may keep the output open. */
export async function* outputOf(child: Child): AsyncGenerator<Uint8Array, void> {
  const reader = child.stdout.getReader();
  void giveUpAfter(child, reader);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

async function giveUpAfter(child: Child, reader: Pick<ReadableStreamDefaultReader, "cancel">): Promise<void> {
  await child.exited;
  await Bun.sleep(endMsMax);
  await reader.cancel();
}

/** Whether its end is about to be noticed. */
export const isEnding = (child: Child): Promise<boolean> =>
  Promise.race([child.exited.then(() => true), Bun.sleep(endMsMax).then(() => false)]);

/** Of its outputs there is no more. `when`: for people. */
export async function endWords(child: Child, lastWords: () => string, when: string): Promise<string> {
  // It may close its standard output and go on.
  if (!(await isEnding(child))) return `it closed its standard output ${when}`;
  const how = child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
  const said = lastWords();
  return `it ended ${when} (${how})${said === "" ? "" : `; its last words: ${said}`}`;
}
