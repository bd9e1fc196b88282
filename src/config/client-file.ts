// How does a graft.toml follow the members?
// Only the elements of its list of addresses change, each in its place. Comments, order and layout belong to the user.
// The changed text is parsed before it replaces the file. A file that cannot be changed safely stays as it is.
import { randomUUID } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import { parseDocument } from "./toml-document.ts";

/** An address that is gone gives its place in the list to one that has come. The rest is removed or appended. */
export interface AddressChange {
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

export type Followed =
  | { readonly kind: "written" | "unchanged" }
  /** The file is as it was. `reason` completes a sentence about it. */
  | { readonly kind: "left"; readonly reason: string };

/** Replaces the file atomically and keeps its owner and mode, or leaves it as it is. What the file system refuses is a reason. */
export function followMembers(path: string, change: AddressChange): Followed {
  try {
    const file = realpathSync(path);
    const before = readFileSync(file, "utf8");
    const after = withAddresses(before, change);
    if (after === before) return { kind: "unchanged" };
    if (!isFollowed(before, after, change)) return left("graft cannot edit a list of this layout");
    const stats = statSync(file);
    // The superuser may write every file. Without any write permission the file is meant to stay as it is.
    if ((stats.mode & 0o222) === 0) return left("it may not be written");
    accessSync(file, constants.W_OK);
    replace(file, after, stats);
    return { kind: "written" };
  } catch (error) {
    // The file may have been edited since this process read its settings.
    if (error instanceof ParseError) return left(`line ${error.lineNumber} is not valid TOML: ${error.message}`);
    if (error instanceof Error && "syscall" in error) return left(error.message);
    throw error;
  }
}

const left = (reason: string): Followed => ({ kind: "left", reason });

function replace(file: string, text: string, { mode, uid, gid }: Stats): void {
  const draft = `${file}.${randomUUID()}.new`;
  try {
    const descriptor = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(descriptor, text);
      const own = statSync(draft);
      if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, mode & 0o7777);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } finally {
    // After the rename there is none.
    rmSync(draft, { force: true });
  }
}

/** The text with the changed list. The list never becomes empty. A text without a list stays as it is. */
export function withAddresses(text: string, { gone, come }: AddressChange): string {
  // TOML allows a byte order mark there, and the parser does not.
  if (text.startsWith("\ufeff")) return `\ufeff${withAddresses(text.slice(1), { gone, come })}`;
  const listed = addressesIn(text);
  const leaving = listed.filter((address) => gone.includes(address));
  const coming = come.filter((address) => !listed.includes(address));
  if (leaving.length === listed.length && coming.length === 0) return text;
  let result = text;
  for (const address of coming.slice(leaving.length)) result = appended(result, address);
  leaving.forEach((address, at) => {
    const by = coming[at];
    result = by === undefined ? removed(result, address) : replaced(result, address, by);
  });
  return result;
}

/** Whether the list is as the change makes it, in its order, and all else in the file says what it said before. */
export function isFollowed(before: string, after: string, { gone, come }: AddressChange): boolean {
  const [was, is] = [tableOf(before), tableOf(after)];
  if (was === null || is === null) return false;
  const [listedBefore, listed] = [was, is].map(({ cluster }) => (Array.isArray(cluster) ? cluster.map(String) : []));
  const others = (list: readonly string[]): readonly string[] =>
    list.filter((address) => !gone.includes(address) && !come.includes(address));
  return (
    Bun.deepEquals({ ...was, cluster: null }, { ...is, cluster: null }) &&
    Bun.deepEquals(others(listedBefore!), others(listed!)) &&
    come.every((address) => listed!.includes(address)) &&
    !gone.some((address) => listed!.includes(address))
  );
}

function tableOf(text: string): Readonly<Record<string, unknown>> | null {
  const parsed = parseDocument(text);
  return "document" in parsed ? parsed.document.table : null;
}

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

/** Removes the whole line, with its comment, of an address that has a line of its own. Elsewhere the comments of others stay. */
function removed(text: string, address: string): string {
  const elements = elementsIn(text);
  const at = elements.findIndex((element) => element.address === address);
  const { start, end } = elements[at]!;
  const line = ownLine(text, elements[at]!);
  if (line !== null) return text.slice(0, line.start) + text.slice(line.end);
  if (at < elements.length - 1)
    return text.slice(0, start) + text.slice(commaAfter(text, end)! + 1).replace(/^[ \t]+/, "");
  return text.slice(0, commaAfter(text, elements[at - 1]!.end)!) + text.slice(end);
}

function appended(text: string, address: string): string {
  const last = elementsIn(text).at(-1);
  if (last === undefined) return text;
  const line = ownLine(text, last);
  if (line === null) return `${text.slice(0, last.end)}, "${address}"${text.slice(last.end)}`;
  const indent = text.slice(line.start, last.start);
  const comma = commaAfter(text, last.end) === null ? "," : "";
  const kept = `${text.slice(line.start, last.end)}${comma}${text.slice(last.end, line.end)}`;
  const newline = kept.endsWith("\r\n") ? "\r\n" : "\n";
  return `${text.slice(0, line.start)}${kept}${indent}"${address}",${newline}${text.slice(line.end)}`;
}

/** Where the comma behind an element stands; null: it has none. */
function commaAfter(text: string, end: number): number | null {
  const between = /^(?:\s|#[^\n]*\n)*,/.exec(text.slice(end));
  return between === null ? null : end + between[0].length - 1;
}

/** The line, newline included, that holds this element and its comma, and nothing else. Null: there is no such line. */
function ownLine(text: string, { start, end }: Element): { readonly start: number; readonly end: number } | null {
  const lineStart = text.lastIndexOf("\n", start) + 1;
  const newline = text.indexOf("\n", end);
  if (newline < 0) return null;
  const isAlone =
    /^[ \t]*$/.test(text.slice(lineStart, start)) && /^[ \t]*,?[ \t]*(#.*)?\r?$/.test(text.slice(end, newline));
  const comma = commaAfter(text, end);
  return isAlone && (comma === null || comma < newline) ? { start: lineStart, end: newline + 1 } : null;
}
