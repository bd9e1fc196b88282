// What does a TOML file say, and on which line? smol-toml gives the values and toml-eslint-parser the places, which the
// former forgets. What the values mean is for others.
import { parse, TomlError, type TomlTable } from "smol-toml";
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import type { Problem } from "./problems.ts";

/** Keys and positions in arrays, from the top of the document. */
export type KeyPath = readonly (string | number)[];

export interface TomlDocument {
  readonly table: TomlTable;
  /** Where the key stands, or the nearest table or array around it; null when the file names none of them. */
  lineOf(path: KeyPath): number | null;
}

export type ParsedDocument = { readonly document: TomlDocument } | { readonly problems: readonly Problem[] };

/** Only syntax is judged here: every document has either all its values or one problem with its line. */
export function parseDocument(source: string): ParsedDocument {
  // Some editors put a byte order mark there, which TOML allows and the parsers do not.
  const text = source.replace(/^\ufeff/, "");
  try {
    const table: TomlTable = parse(text);
    const lines = new Map<string, number>();
    for (const node of parseTOML(text).body[0].body) collect(lines, node, []);
    return { document: { table, lineOf: (path) => lineOf(lines, path) } };
  } catch (error) {
    if (error instanceof TomlError) return syntaxProblem(error.line, error.message.split("\n", 1)[0] ?? "");
    if (error instanceof ParseError) return syntaxProblem(error.lineNumber, error.message);
    throw error;
  }
}

function syntaxProblem(line: number, message: string): ParsedDocument {
  const what = `this is not TOML: ${message.replace(/^Invalid TOML document: /, "")}`;
  return { problems: [{ line, key: "", what, remedy: "nothing else was checked; correct this line first" }] };
}

function lineOf(lines: ReadonlyMap<string, number>, path: KeyPath): number | null {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(nameOf(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return null;
}

const nameOf = (path: KeyPath): string => JSON.stringify(path);

/** Notes the line of every key in the node; the first mention of a table counts. */
function collect(lines: Map<string, number>, node: AST.TOMLNode, at: KeyPath): void {
  const note = (path: KeyPath, noted: AST.TOMLNode): void => {
    if (!lines.has(nameOf(path))) lines.set(nameOf(path), noted.loc.start.line);
  };
  switch (node.type) {
    case "TOMLTable":
      for (let length = 1; length <= node.resolvedKey.length; length++)
        note(node.resolvedKey.slice(0, length), node.key);
      for (const pair of node.body) collect(lines, pair, node.resolvedKey);
      return;
    case "TOMLKeyValue": {
      let path = at;
      for (const key of node.key.keys) {
        path = [...path, key.type === "TOMLBare" ? key.name : key.value];
        note(path, key);
      }
      collect(lines, node.value, path);
      return;
    }
    case "TOMLInlineTable":
      for (const pair of node.body) collect(lines, pair, at);
      return;
    case "TOMLArray":
      node.elements.forEach((element, index) => {
        note([...at, index], element);
        collect(lines, element, [...at, index]);
      });
      return;
    default:
  }
}
