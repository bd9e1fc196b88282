// What can stand where the cursor is? `graft complete SHELL` prints a script that asks `graft complete -- WORDS` at each press
// of the tab key. @bomb.sh/tab has the scripts of the shells; the words come from the tree of commands.
import { script, ShellCompDirective } from "@bomb.sh/tab";
import { GraftError } from "../errors.ts";
import { command, type Command, type Group } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { isFlag } from "./strict-arguments.ts";

const shells = ["bash", "zsh", "fish", "powershell"] as const;
/** Flags whose value is a file or a folder: the shell knows what there is. */
const pathFlags = ["config", "ca", "cert", "key", "file", "out", "dir", "data-dir", "plugin"];

export const complete = command({
  summary: "Print a completion script for your shell",
  details: ["The script for bash needs the package bash-completion, which most systems have."],
  args: {
    shell: { type: "positional", required: true, description: shells.join(", ") },
  },
  examples: [
    ["source <(graft complete bash)", "in ~/.bashrc; the same for zsh in ~/.zshrc"],
    ["graft complete fish > ~/.config/fish/completions/graft.fish", "for fish"],
  ],
  async run(args) {
    const shell = shells.find((each) => each === args.shell);
    if (shell === undefined) {
      const hint = didYouMean(args.shell, shells);
      throw new GraftError("usage", `no completion for ${args.shell}${hint}; there is: ${shells.join(", ")}`);
    }
    script(shell, "graft", "graft");
  },
});

/** The answer to a shell: a candidate a line with its description, then whether files may stand here too. */
export function completions(root: Group, words: readonly string[]): string {
  const { candidates, takesFiles } = candidatesFor(root, words.slice(0, -1), words.at(-1) ?? "");
  const lines = candidates.map(([word, description]) => `${word}\t${description}`);
  const directive = takesFiles
    ? ShellCompDirective.ShellCompDirectiveDefault
    : ShellCompDirective.ShellCompDirectiveNoFileComp;
  return [...lines, `:${directive}`].join("\n");
}

interface Candidates {
  readonly candidates: readonly (readonly [word: string, description: string])[];
  readonly takesFiles: boolean;
}

function candidatesFor(root: Group, before: readonly string[], current: string): Candidates {
  const subject = subjectOf(root, before);
  if (subject.kind === "group") {
    const entries = Object.entries(subject.commands).map(([name, { summary }]) => [name, summary] as const);
    return { candidates: entries.filter(([name]) => name.startsWith(current)), takesFiles: false };
  }
  const awaited = flagAwaitingValue(subject, before.at(-1));
  if (awaited !== null) return { candidates: [], takesFiles: pathFlags.includes(awaited) };
  if (!isFlag(current) && current !== "-" && current !== "--") {
    return { candidates: [], takesFiles: subject.args["file"]?.type === "positional" };
  }
  const flags = Object.entries(subject.args)
    .filter(([name, { type }]) => type !== "positional" && `--${name}`.startsWith(current))
    .map(([name, { description = "" }]) => [`--${name}`, description] as const);
  return { candidates: flags, takesFiles: false };
}

/** The flag's name when `word` is a flag whose value comes next. */
function flagAwaitingValue(subject: Command, word: string | undefined): string | null {
  for (const [name, definition] of Object.entries(subject.args)) {
    if (definition.type !== "string") continue;
    const aliases = [definition.alias ?? []].flat();
    if (word === `--${name}` || aliases.some((alias) => word === `-${alias}`)) return name;
  }
  return null;
}

function subjectOf(root: Group, words: readonly string[]): Command | Group {
  let subject: Command | Group = root;
  for (const word of words) {
    if (subject.kind === "command") break;
    subject = (Object.hasOwn(subject.commands, word) ? subject.commands[word] : undefined) ?? subject;
  }
  return subject;
}
