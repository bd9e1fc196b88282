// What does --help say? Everything that is needed to use a command without reading anything else, examples included.
import type { ArgDef, ArgsDef } from "citty";
import type { Command, Group } from "./command.ts";
import type { Paint } from "./output.ts";

interface Look {
  readonly paint: Paint;
  /** Of a line, characters. */
  readonly width: number;
}

/** Text is harder to read on longer lines. */
const helpWidthMax = 100;

/** @param terminalWidth undefined: there is no terminal; 0: the terminal does not know its width */
export const helpWidth = (terminalWidth: number | undefined): number =>
  Math.min(terminalWidth || helpWidthMax, helpWidthMax);

/** `path` is how the command is called, `graft cluster status`. */
export function renderHelp(path: string, subject: Command | Group, look: Look): string {
  const { paint, width } = look;
  const title = (text: string): string => paint("bold", text);
  const usage = subject.kind === "group" ? `${path} COMMAND` : usageOf(path, subject);
  const sections = [
    wrapped(subject.summary, width),
    `${title("Usage")}\n  ${paint("cyan", usage)}`,
    ...(subject.details ?? []).map((paragraph) => wrapped(paragraph, width)),
    ...(subject.kind === "group" ? groupSections(path, subject, look) : commandSections(subject, look)),
    `${title("Examples")}\n${subject.examples.map(([typed, does]) => `  ${paint("dim", `# ${does}`)}\n  ${typed}`).join("\n")}`,
  ];
  return sections.join("\n\n");
}

function groupSections(path: string, group: Group, look: Look): readonly string[] {
  const rows = Object.entries(group.commands).map(([name, { summary }]) => [name, summary] as const);
  return [
    `${look.paint("bold", "Commands")}\n${columns(rows, look)}`,
    `More about one of them: ${path} COMMAND --help`,
  ];
}

function commandSections(command: Command, look: Look): readonly string[] {
  const entries = Object.entries(command.args);
  const positionals = entries.filter(([, definition]) => definition.type === "positional");
  const flags = entries.filter(([, definition]) => definition.type !== "positional");
  const sections: string[] = [];
  if (positionals.length > 0) {
    const rows = positionals.map(([name, { description = "" }]) => [name.toUpperCase(), description] as const);
    sections.push(`${look.paint("bold", "Arguments")}\n${columns(rows, look)}`);
  }
  const rows = flags.map(([name, definition]) => [flagOf(name, definition), definition.description ?? ""] as const);
  sections.push(`${look.paint("bold", "Flags")}\n${columns([...rows, ["-h, --help", "show this help"]], look)}`);
  return sections;
}

function usageOf(path: string, command: Command): string {
  const program = command.takesProgram ? ["[-- PROGRAM ARGUMENTS…]"] : [];
  return [path, ...positionalsOf(command.args), "[FLAGS]", ...program].join(" ");
}

function positionalsOf(args: ArgsDef): readonly string[] {
  return Object.entries(args)
    .filter(([, definition]) => definition.type === "positional")
    .map(([name, { required }]) => (required === true ? name.toUpperCase() : `[${name.toUpperCase()}]`));
}

function flagOf(name: string, definition: ArgDef): string {
  const aliases = "alias" in definition ? [definition.alias ?? []].flat() : [];
  const names = [...aliases.map((alias) => `-${alias}`), `--${name}`].join(", ");
  return definition.valueHint === undefined ? names : `${names} ${definition.valueHint}`;
}

function columns(rows: readonly (readonly [string, string])[], { paint, width }: Look): string {
  const leftWidth = Math.max(...rows.map(([left]) => left.length));
  const indent = " ".repeat(leftWidth + 4);
  const rightWidth = Math.max(rightWidthMin, width - indent.length);
  const row = ([left, right]: readonly [string, string]): string =>
    `  ${paint("cyan", left.padEnd(leftWidth))}  ${wrapped(right, rightWidth).replaceAll("\n", `\n${indent}`)}`;
  return rows.map(row).join("\n");
}

/** On a narrower terminal the lines are broken by the terminal. */
const rightWidthMin = 30;

/** Lines that begin with a blank, such as those of a file that is shown, stay as they are. */
const wrapped = (text: string, width: number): string =>
  text
    .split("\n")
    .map((line) => (line.startsWith(" ") ? line : Bun.wrapAnsi(line, width)))
    .join("\n");
