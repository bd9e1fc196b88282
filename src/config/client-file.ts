// How does a graft.toml follow the members? Only the elements of its list of addresses change, each in its place. Comments, order and
// layout belong to the user. A file that may not be written stays as it is.
import {
  accessSync,
  constants,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type AST, parseTOML } from "toml-eslint-parser";

/** An address that is gone gives its place in the list to one that has come. The rest is removed or appended. */
export interface AddressChange {
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

export type Followed = "written" | "unchanged" | "notWritable";

/** Replaces the file atomically, or leaves it as it is. Throws what the file system throws, except for missing permissions. */
export function followMembers(path: string, change: AddressChange): Followed {
  const file = realpathSync(path);
  const before = readFileSync(file, "utf8");
  const after = withAddresses(before, change);
  if (after === before) return "unchanged";
  const { mode } = statSync(file);
  const draft = `${file}.${process.pid}.new`;
  try {
    // The superuser may write every file. Without any write permission the file is meant to stay as it is.
    if ((mode & 0o222) === 0) return "notWritable";
    accessSync(file, constants.W_OK);
    writeFileSync(draft, after, { mode, flag: "wx" });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return "notWritable";
  }
  try {
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return "written";
}

/** The text with the changed list. The list never becomes empty. A text without a list stays as it is. */
export function withAddresses(text: string, { gone, come }: AddressChange): string {
  // TOML allows a byte order mark there, and the parser does not.
  if (text.startsWith("\ufeff")) return `\ufeff${withAddresses(text.slice(1), { gone, come })}`;
  const leaving = [...gone];
  const coming = come.filter((address) => !addressesIn(text).includes(address));
  let result = text;
  while (leaving.length > 0) {
    const address = leaving.shift()!;
    const next = addressesIn(result).includes(address) ? coming.shift() : undefined;
    if (next !== undefined) result = replaced(result, address, next);
    else if (addressesIn(result).length > 1) result = removed(result, address);
  }
  for (const address of coming) result = appended(result, address);
  return result;
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["EACCES", "EPERM", "EROFS"].includes(String(error.code));

interface Element {
  readonly address: string;
  readonly start: number;
  readonly end: number;
}

/** The strings in the top-level list `cluster`. */
function elementsIn(text: string): readonly Element[] {
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLKeyValue" && isCluster(node.key)) {
      return node.value.type === "TOMLArray" ? node.value.elements.flatMap(elementOf) : [];
    }
  }
  return [];
}

const isCluster = ({ keys }: AST.TOMLKey): boolean => {
  const [key] = keys;
  return keys.length === 1 && key !== undefined && (key.type === "TOMLBare" ? key.name : key.value) === "cluster";
};

function elementOf(node: AST.TOMLContentNode): readonly Element[] {
  if (node.type !== "TOMLValue" || typeof node.value !== "string") return [];
  const [start, end] = node.range;
  return [{ address: node.value, start, end }];
}

const addressesIn = (text: string): readonly string[] => elementsIn(text).map(({ address }) => address);

function replaced(text: string, address: string, by: string): string {
  const { start, end } = elementsIn(text).find((element) => element.address === address)!;
  const quote = text[start] === "'" ? "'" : '"';
  return `${text.slice(0, start)}${quote}${by}${quote}${text.slice(end)}`;
}

/** Removes the whole line, with its comment, of an address that has a line of its own. */
function removed(text: string, address: string): string {
  const elements = elementsIn(text);
  const at = elements.findIndex((element) => element.address === address);
  const element = elements[at];
  if (element === undefined) return text;
  const line = ownLine(text, element);
  if (line !== null) return text.slice(0, line.start) + text.slice(line.end);
  const next = elements[at + 1];
  if (next !== undefined) return text.slice(0, element.start) + text.slice(next.start);
  return text.slice(0, elements[at - 1]!.end) + text.slice(element.end);
}

function appended(text: string, address: string): string {
  const last = elementsIn(text).at(-1);
  if (last === undefined) return text;
  const line = ownLine(text, last);
  if (line === null) return `${text.slice(0, last.end)}, "${address}"${text.slice(last.end)}`;
  const indent = text.slice(line.start, last.start);
  const hasComma = /^[ \t]*,/.test(text.slice(last.end, line.end));
  const kept = `${text.slice(line.start, last.end)}${hasComma ? "" : ","}${text.slice(last.end, line.end)}`;
  return `${text.slice(0, line.start)}${kept}${indent}"${address}",\n${text.slice(line.end)}`;
}

/** The line, newline included, that holds this element alone. Null: the line holds more. */
function ownLine(text: string, { start, end }: Element): { readonly start: number; readonly end: number } | null {
  const lineStart = text.lastIndexOf("\n", start) + 1;
  const newline = text.indexOf("\n", end);
  if (newline < 0) return null;
  const isAlone =
    /^[ \t]*$/.test(text.slice(lineStart, start)) && /^[ \t]*,?[ \t]*(#.*)?\r?$/.test(text.slice(end, newline));
  return isAlone ? { start: lineStart, end: newline + 1 } : null;
}
