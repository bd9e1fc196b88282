// What does --help say? Everything that is needed to use a command without reading anything else, examples included.
import type { ArgDef, ArgsDef } from "citty";
import type { Command, Group } from "./command.ts";
import type { Paint } from "./output.ts";

/** `path` is how the command is called, `graft cluster status`. */
export function renderHelp(path: string, subject: Command | Group, paint: Paint): string {
  const title = (text: string): string => paint("bold", text);
  const usage = subject.kind === "group" ? `${path} COMMAND` : usageOf(path, subject);
  const sections = [
    subject.summary,
    `${title("Usage")}\n  ${paint("cyan", usage)}`,
    ...(subject.details ?? []),
    ...(subject.kind === "group" ? groupSections(path, subject, paint) : commandSections(subject, paint)),
    `${title("Examples")}\n${subject.examples.map(([typed, does]) => `  ${paint("dim", `# ${does}`)}\n  ${typed}`).join("\n")}`,
  ];
  return sections.join("\n\n");
}

function groupSections(path: string, group: Group, paint: Paint): readonly string[] {
  const rows = Object.entries(group.commands).map(([name, { summary }]) => [name, summary] as const);
  return [`${paint("bold", "Commands")}\n${columns(rows, paint)}`, `More about one of them: ${path} COMMAND --help`];
}

function commandSections(command: Command, paint: Paint): readonly string[] {
  const entries = Object.entries(command.args);
  const positionals = entries.filter(([, definition]) => definition.type === "positional");
  const flags = entries.filter(([, definition]) => definition.type !== "positional");
  const sections: string[] = [];
  if (positionals.length > 0) {
    const rows = positionals.map(([name, { description = "" }]) => [name.toUpperCase(), description] as const);
    sections.push(`${paint("bold", "Arguments")}\n${columns(rows, paint)}`);
  }
  const rows = flags.map(([name, definition]) => [flagOf(name, definition), definition.description ?? ""] as const);
  sections.push(`${paint("bold", "Flags")}\n${columns([...rows, ["-h, --help", "this text"]], paint)}`);
  return sections;
}

function usageOf(path: string, command: Command): string {
  return [path, ...positionalsOf(command.args), "[FLAGS]"].join(" ");
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

function columns(rows: readonly (readonly [string, string])[], paint: Paint): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${paint("cyan", left.padEnd(width))}  ${right}`).join("\n");
}
