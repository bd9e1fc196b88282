// What is a command of the command line? Its arguments as citty knows them, what citty cannot express about them, and the
// words for its help. Which command is meant is dispatch.ts, what was typed after it strict-arguments.ts.
import { type ArgsDef, defineCommand, type ParsedArgs, runCommand } from "citty";
import type { ExitCode } from "./explain-error.ts";
import type { Output } from "./output.ts";

/** What a command gets besides its arguments. */
export interface Context {
  readonly output: Output;
  /** Every value of a flag that was given, in order; for flags that may be repeated. */
  readonly values: (flag: string) => readonly string[];
  /** The words of a program and its arguments, after `--`; empty where there are none. */
  readonly program: readonly string[];
}

interface Words {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** More for the command's own help; each a paragraph. */
  readonly details?: readonly string[];
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [typed: string, does: string])[];
}

interface Definition<Args extends ArgsDef> extends Words {
  readonly args: Args;
  /** Flags that may be given more than once. */
  readonly repeatable?: readonly (keyof Args & string)[];
  /** Flags of text whose value may be left out; it is then empty. */
  readonly optionalValue?: readonly (keyof Args & string)[];
  /** Whether words after `--` are a program and its arguments. */
  readonly takesProgram?: boolean;
  /** Resolves with the exit code if that is not 0. Throws `GraftError`; main.ts makes an exit code of it. */
  readonly run: (args: ParsedArgs<Args>, context: Context) => Promise<ExitCode> | Promise<void>;
}

export interface Command extends Words {
  readonly kind: "command";
  readonly args: ArgsDef;
  readonly repeatable: readonly string[];
  readonly optionalValue: readonly string[];
  readonly takesProgram: boolean;
  /** `words` as strict-arguments.ts has made them unambiguous. */
  readonly run: (words: readonly string[], context: Context) => Promise<ExitCode>;
}

/** Commands under one word. */
export interface Group extends Words {
  readonly kind: "group";
  readonly commands: Readonly<Record<string, Command | Group>>;
}

export function command<const Args extends ArgsDef>(definition: Definition<Args>): Command {
  const parsed = defineCommand<Args>({
    args: definition.args,
    run: ({ args, data }) => definition.run(args, data as Context),
  });
  const { args, repeatable = [], optionalValue = [], takesProgram = false, run: _, ...words } = definition;
  return {
    kind: "command",
    ...words,
    args,
    repeatable,
    optionalValue,
    takesProgram,
    run: async (rawArgs, data) => {
      const { result } = await runCommand(parsed, { rawArgs: [...rawArgs], data });
      return (result as ExitCode | undefined) ?? 0;
    },
  };
}
