// What is said of a program that fails? Each error names the state machine, and where that is known the entry.
import type { LogIndex } from "../../core/log-position.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import type { Hello } from "./answers.ts";

export class ProgramFailures {
  readonly #named: string;

  constructor({ name, version }: Hello) {
    this.#named = `${name} ${version}`;
  }

  /** It does not do what docs/process.md says. */
  of(what: string): GraftError {
    return new GraftError("state-machine", `The program of the state machine ${this.#named}: ${what}`);
  }

  /** It says itself that it has failed. */
  at(where: string, message: string, code: "state-machine" | "query-failed" = "state-machine"): GraftError {
    const cause = new Error(message);
    return new GraftError(code, `The state machine ${this.#named} failed at ${where}: ${message}`, { cause });
  }

  atEntry(index: LogIndex, where: string, reason: string): GraftError {
    const { message, cause } = this.at(where, reason);
    return new StateMachineStopped(message, index, { cause });
  }

  noSnapshots(): GraftError {
    const what = `The state machine ${this.#named} has no snapshots: its program does not offer them`;
    return new GraftError("state-machine", what);
  }
}
