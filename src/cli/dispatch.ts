// Which command do these words call, and how does it end? Finds it in the tree, checks what follows, runs it, and answers
// --help and --version on the way. Returns the exit code; it throws what no command foresees, a mistake in Graft itself.
import { GraftError } from "../errors.ts";
import { sayLastWordBy } from "../fail-stop.ts";
import type { Command, Group } from "./command.ts";
import { completions } from "./complete.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type ExitCode, Failure, isForeseen, report, reportAtLast } from "./explain-error.ts";
import { helpWidth, renderHelp } from "./help.ts";
import { Output, type Paint } from "./output.ts";
import { checkArguments, isFlag } from "./strict-arguments.ts";

interface Found {
  readonly path: string;
  readonly subject: Command | Group;
  /** What was typed and is no part of the path. */
  readonly rest: readonly string[];
}

/** Flags with a value that may stand before the command: `graft -c host:1 cluster status`. */
const valueFlags = ["-c", "--cluster", "--ca", "--cert", "--key", "--timeout"];

export async function dispatch(root: Group, typed: readonly string[], version: string): Promise<ExitCode> {
  const flags = typed.slice(0, typed.includes("--") ? typed.indexOf("--") : typed.length);
  const has = (flag: string): boolean => flags.includes(flag);
  const output = new Output({ json: has("--json"), quiet: has("--quiet"), verbose: has("--verbose") });
  sayLastWordBy((error) => reportAtLast(error, output));
  try {
    if (typed.length <= 2 && typed.some((word) => word === "--version" || word === "-v")) {
      await output.answer({ version }, () => version);
      return 0;
    }
    if (typed[0] === "complete" && typed[1] === "--") {
      await output.line(completions(root, typed.slice(2)));
      return 0;
    }
    const isHelp = has("--help") || has("-h") || flags[0] === "help";
    const found = find(root, flags[0] === "help" ? typed.slice(1) : typed);
    if (!isHelp) return await run(found, output);
    await showHelp(found, output);
    return 0;
  } catch (error) {
    if (!isForeseen(error)) throw error;
    return report(error, output);
  }
}

async function run({ path, subject, rest }: Found, output: Output): Promise<ExitCode> {
  if (subject.kind === "group") {
    const commands = Object.keys(subject.commands).join(", ");
    throw new GraftError("usage", `${path} needs a command: ${commands}; see: ${path} --help`);
  }
  const given = checkArguments(path, subject, rest);
  return subject.run(given.words, { output, values: (flag) => given.values.get(flag) ?? [], program: given.program });
}

async function showHelp({ path, subject }: Found, output: Output): Promise<void> {
  const width = helpWidth(output.onTerminal ? process.stdout.columns : undefined);
  const help = (paint: Paint): string => renderHelp(path, subject, { paint, width });
  await output.answer({ help: help((_, text) => text) }, help);
}

function find(root: Group, typed: readonly string[]): Found {
  let subject: Command | Group = root;
  let path = "graft";
  const rest: string[] = [];
  for (let at = 0; at < typed.length; at++) {
    const word = typed[at] ?? "";
    if (subject.kind === "command" || word === "--") return { path, subject, rest: [...rest, ...typed.slice(at)] };
    if (isFlag(word)) {
      rest.push(word);
      if (valueFlags.includes(word)) rest.push(...typed.slice(++at, at + 1));
      continue;
    }
    const next: Command | Group | undefined = Object.hasOwn(subject.commands, word)
      ? subject.commands[word]
      : undefined;
    if (next === undefined) throw unknownCommand(path, word, Object.keys(subject.commands));
    subject = next;
    path += ` ${word}`;
  }
  return { path, subject, rest };
}

function unknownCommand(path: string, word: string, known: readonly string[]): Failure {
  const hint = didYouMean(word, known, `${path} `);
  const message = `unknown command ${path} ${word}${hint}; there are: ${known.join(", ")}; see: ${path} --help`;
  return new Failure(new GraftError("usage", message), null, { known });
}
