// Is what was typed after a command what the command takes? citty passes over unknown flags, lets a flag swallow the next
// one as its value and keeps the last of several. Here all of that is an error, and what is right is handed on in a form
// that leaves citty nothing to guess: `--name=value` for every flag, everything else after `--`.
import { GraftError } from "../errors.ts";
import type { Command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";

export interface Given {
  /** For citty. */
  readonly words: readonly string[];
  /** By the flag's own name, whatever alias was typed. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** The words after `--`, for a command that takes them as a program and its arguments. */
  readonly program: readonly string[];
}

/** `path` is the command as typed, for errors. Throws `GraftError("usage")`. */
export function checkArguments(path: string, command: Command, typed: readonly string[]): Given {
  return new Check(path, command).run(typed);
}

class Check {
  readonly #path: string;
  readonly #command: Command;
  readonly #values = new Map<string, string[]>();
  readonly #positionals: string[] = [];
  readonly #program: string[] = [];

  constructor(path: string, command: Command) {
    this.#path = path;
    this.#command = command;
  }

  run(typed: readonly string[]): Given {
    for (let at = 0; at < typed.length; at++) {
      const word = typed[at] ?? "";
      if (word === "--") {
        (this.#command.takesProgram ? this.#program : this.#positionals).push(...typed.slice(at + 1));
        break;
      }
      if (isFlag(word)) at += this.#flag(word, typed[at + 1]);
      else this.#positionals.push(word);
    }
    this.#checkPositionals();
    const flags = [...this.#values].flatMap(([name, values]) =>
      values.map((value) => (this.#isBoolean(name) ? `--${name}` : `--${name}=${value}`)),
    );
    return { words: [...flags, "--", ...this.#positionals], values: this.#values, program: this.#program };
  }

  /** Returns how many words of what follows belong to the flag. */
  #flag(word: string, next: string | undefined): 0 | 1 {
    const equals = word.indexOf("=");
    const typedName = equals < 0 ? word : word.slice(0, equals);
    const inline = equals < 0 ? undefined : word.slice(equals + 1);
    const name = this.#nameOf(typedName);
    if (this.#isBoolean(name)) {
      if (inline !== undefined) throw this.#wrong(`${typedName} takes no value`);
      this.#add(typedName, name, "");
      return 0;
    }
    const isOptional = this.#command.optionalValue.includes(name);
    const follows = next !== undefined && !isFlag(next) && next !== "--" ? next : undefined;
    const value = inline ?? follows ?? (isOptional ? "" : undefined);
    if (value === undefined || (value === "" && !isOptional)) throw this.#wrong(`${typedName} needs a value`);
    this.#add(typedName, name, value);
    return inline === undefined && follows !== undefined ? 1 : 0;
  }

  #add(typedName: string, name: string, value: string): void {
    const values = this.#values.get(name) ?? [];
    if (values.length > 0 && !this.#command.repeatable.includes(name)) {
      throw this.#wrong(`${typedName} was given more than once`);
    }
    this.#values.set(name, [...values, value]);
  }

  #nameOf(typedName: string): string {
    const flags = Object.entries(this.#command.args).filter(([, definition]) => definition.type !== "positional");
    for (const [name, definition] of flags) {
      const aliases = "alias" in definition ? [definition.alias ?? []].flat() : [];
      if (typedName === `--${name}` || aliases.some((alias) => typedName === `-${alias}`)) return name;
    }
    const names = flags.map(([name]) => `--${name}`);
    throw this.#wrong(`unknown flag ${typedName}${didYouMean(typedName, names)}`);
  }

  #checkPositionals(): void {
    const expected = Object.entries(this.#command.args).filter(([, definition]) => definition.type === "positional");
    const extra = this.#positionals[expected.length];
    if (extra !== undefined) throw this.#wrong(`${JSON.stringify(extra)} is one argument too many`);
    const missing = expected[this.#positionals.length];
    if (missing?.[1].required === true) throw this.#wrong(`${missing[0].toUpperCase()} is missing`);
  }

  #isBoolean(name: string): boolean {
    return this.#command.args[name]?.type === "boolean";
  }

  #wrong(what: string): GraftError {
    return new GraftError("usage", `${what}; see: ${this.#path} --help`);
  }
}

/** A lone hyphen and negative numbers are no flags. */
export const isFlag = (word: string): boolean => /^-[^\d]/.test(word) && word !== "--";
