// Programs that say what a test has written down, whatever they are asked: shell scripts that speak lines of JSON.
import { createProcessStateMachine } from "../../../src/adapters/process/process-host.ts";
import type { StateMachine } from "../../../src/ports/state-machine.ts";

export const hello = { graft: 1, type: "hello", name: "bad", version: "1", snapshots: true };

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A command of the shell. */
export const says = (message: unknown): string =>
  `printf '%s\\n' ${quoted(typeof message === "string" ? message : JSON.stringify(message))}`;

/** A command that says each answer to the next request. Then it reads on. */
export const answering = (...answers: readonly unknown[]): string =>
  [...answers.map((answer) => `read -r line; ${says(answer)}`), "cat > /dev/null"].join("; ");

export class ScriptedMachines {
  readonly #opened: StateMachine[] = [];

  /** Runs this script of the shell. */
  async run(script: string, lines: string[] = []): Promise<StateMachine> {
    const location = { command: ["sh", "-c", script], directory: "/" };
    const machine = await createProcessStateMachine(location, (_, text) => lines.push(text));
    this.#opened.push(machine);
    return machine;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((machine) => machine.close()));
  }
}
