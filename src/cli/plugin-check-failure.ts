// What does `graft plugin check` say of a plugin that fails a check? The rule, the steps, what differs, and what to do.
import type { CheckedPlugin } from "../check/messages.ts";
import type { Found } from "../check/search.ts";
import { GraftError } from "../errors.ts";
import { version } from "../version.ts";
import { Failure } from "./explain-error.ts";
import { shellWord } from "./shell-word.ts";

interface About {
  readonly subject: Subject;
  readonly seed: number;
  /** As it was typed; null: it was not. */
  readonly runs: number | null;
  readonly plugin: CheckedPlugin;
  readonly passed: readonly unknown[];
}

/** What is checked: a plugin by its path, or a program by its words. */
export type Subject = { readonly path: string } | { readonly words: readonly string[] };

const subjectWords = (subject: Subject): string =>
  "path" in subject ? subject.path : subject.words.map(shellWord).join(" ");

const meanings = {
  plugin: "The plugin ran on generated commands only: no data was changed.",
  program: "The program ran on generated commands only: no data of Graft was changed.",
} as const;
/** More steps are given to programs only. */
const stepsShownMax = 12;

interface Finding extends Found {
  readonly check: { readonly name: string; readonly holds: string };
}

export function failureOf({ check, fault, steps: played }: Finding, about: About): Failure {
  const { subject, seed, runs, plugin, passed } = about;
  const steps = fault.step === null ? played : played.slice(0, fault.step + 1);
  const lines = [
    `${subjectWords(subject)}: ${fault.rule}`,
    `check ${check.name}: ${check.holds}`,
    ...stepLines(steps.map(({ text }) => text)),
    ...fault.lines,
    `seed ${seed}, graft ${version}, ${plugin.name} ${plugin.version}`,
  ];
  const flags = `--seed ${seed}${runs === null ? "" : ` --runs ${runs}`}`;
  const command =
    "path" in subject
      ? `graft plugin check ${shellWord(subject.path)} ${flags}`
      : `graft plugin check ${flags} -- ${subjectWords(subject)}`;
  const meaning = "path" in subject ? meanings.plugin : meanings.program;
  const cause = fault.stack === null ? undefined : Object.assign(new Error(fault.rule), { stack: fault.stack });
  const error = new GraftError("state-machine", lines.join("\n  "), { cause });
  const fields = {
    check: check.name,
    rule: fault.rule,
    field: fault.field,
    step: fault.step === null ? null : (steps.at(-1)?.text ?? null),
    steps: steps.map(({ text }) => text),
    details: fault.lines,
    remedy: fault.remedy,
    seed,
    graft: version,
    plugin: plugin.name,
    pluginVersion: plugin.version,
    passed,
    command,
  };
  return new Failure(error, 1, fields, { meaning, next: `${fault.remedy}\nSee it again: ${command}` });
}

function stepLines(steps: readonly string[]): readonly string[] {
  const left = Math.max(0, steps.length - stepsShownMax);
  const shown = steps.slice(left).map((text, nth) => `${left + nth + 1}. ${text}`);
  return left === 0 ? shown : [`after ${left} steps that --json lists:`, ...shown];
}

/** The plugin cannot be checked. Anything but an error of a plugin stays as it is. */
export function unusable(error: unknown, subject: Subject): unknown {
  if (!(error instanceof GraftError) || error.code !== "plugin") return error;
  const next = "path" in subject ? "Correct the plugin, or its path." : "Correct the program, or its words after --.";
  return new Failure(error, null, {}, { meaning: error.meaning, next });
}
