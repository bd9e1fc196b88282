// How does a document become values? Against a table of keys: what is missing is filled in or asked for, what nobody
// knows is refused with the word that was probably meant, and every problem is found in one go.
import type { TomlTable, TomlValue } from "smol-toml";
import { type Problem, quote } from "./problems.ts";
import { nearest } from "./suggestion.ts";
import type { KeyPath, TomlDocument } from "./toml-document.ts";
import { isTable, type ValueKind } from "./value-kinds.ts";

export interface KeySpec<T> {
  readonly kind: ValueKind<T>;
  /** What the key is for, in a sentence without its full stop. */
  readonly doc: string;
  /** Used when the key is not in the file; undefined when it has to be. */
  readonly fallback: T | undefined;
}

/** Keys as `section.key`, or `key` at the top of the document. */
export type KeyTable = Readonly<Record<string, KeySpec<unknown>>>;

export type ValuesOf<Keys extends KeyTable> = {
  readonly [Key in keyof Keys]: Keys[Key] extends KeySpec<infer T> ? T : never;
};

export function required<T>(kind: ValueKind<T>, doc: string): KeySpec<T> {
  return { kind, doc, fallback: undefined };
}

export function optional<T>(kind: ValueKind<T>, fallback: T, doc: string): KeySpec<T> {
  return { kind, doc, fallback };
}

/** What could be read, and everything that is wrong: with no problems, every key has its value. */
export function readKeys<Keys extends KeyTable>(
  document: TomlDocument,
  keys: Keys,
): { readonly values: Partial<ValuesOf<Keys>>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const complainAt = (place: KeyPath, what: string, remedy: string): void => {
    problems.push({ line: document.lineOf(place), key: keyName(place), what, remedy });
  };
  const unknown = unknownKeys(document.table, Object.keys(keys));
  for (const { path, what, advice } of unknown) complainAt(path, what, advice.remedy);
  const meant = new Set(unknown.map(({ advice }) => advice.meant));

  const values: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(keys)) {
    const path = key.split(".");
    const found = valueAt(document.table, path);
    if (found !== undefined) {
      values[key] = spec.kind.read(found, (within, ...rest) => complainAt([...path, ...within], ...rest));
    } else if (spec.fallback !== undefined) {
      values[key] = spec.fallback;
    } else if (!meant.has(key) && !meant.has(path[0] ?? key)) {
      complainAt(path, "this key is missing", `add it: ${spec.doc} (${spec.kind.description})`);
    }
  }
  return { values: values as Partial<ValuesOf<Keys>>, problems };
}

/** `cluster.bootstrap[1].address`; a key that TOML would quote is quoted. */
export function keyName(path: KeyPath): string {
  const parts = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return `.${/^[A-Za-z0-9_-]+$/.test(part) ? part : quote(part)}`;
  });
  return parts.join("").replace(/^\./, "");
}

function valueAt(table: TomlTable, path: readonly string[]): TomlValue | undefined {
  let value: TomlValue | undefined = table;
  for (const part of path) value = isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  return value;
}

interface UnknownKey {
  readonly path: KeyPath;
  readonly what: string;
  readonly advice: Advice;
}

interface Advice {
  readonly remedy: string;
  /** The key or the section that was probably meant, which is then not called missing: one mistake, one problem. */
  readonly meant?: string;
}

function unknownKeys(table: TomlTable, known: readonly string[]): readonly UnknownKey[] {
  const found: UnknownKey[] = [];
  for (const [top, value] of Object.entries(table)) {
    if (known.includes(top)) continue;
    if (!sectionsOf(known).includes(top)) {
      const what = isTable(value) ? "this section is unknown" : "this key is unknown";
      found.push({ path: [top], what, advice: isTable(value) ? adviseSection(top, known) : adviseTopKey(top, known) });
    } else if (!isTable(value)) {
      const remedy = `write [${top}] on a line of its own, and its keys below`;
      found.push({ path: [top], what: "this is a section and no key", advice: { remedy, meant: top } });
    } else {
      const strangers = Object.keys(value).filter((inner) => !known.includes(`${top}.${inner}`));
      for (const inner of strangers) {
        found.push({ path: [top, inner], what: "this key is unknown", advice: adviseInnerKey(top, inner, known) });
      }
    }
  }
  return found;
}

const sectionsOf = (known: readonly string[]): readonly string[] => [
  ...new Set(known.filter((key) => key.includes(".")).map((key) => key.split(".", 1)[0] ?? "")),
];

const keysIn = (section: string, known: readonly string[]): readonly string[] =>
  known.filter((key) => key.startsWith(`${section}.`)).map((key) => key.slice(section.length + 1));

const sectionsWith = (key: string, known: readonly string[]): readonly string[] =>
  sectionsOf(known).filter((section) => known.includes(`${section}.${key}`));

function adviseSection(section: string, known: readonly string[]): Advice {
  const sections = sectionsOf(known);
  const meant = nearest(section, sections);
  if (meant !== null) return { remedy: `did you mean [${meant}]?`, meant };
  return {
    remedy: sections.length === 0 ? "remove it" : `remove it; the sections are ${sections.map(bracketed).join(", ")}`,
  };
}

function adviseTopKey(key: string, known: readonly string[]): Advice {
  const keys = known.filter((each) => !each.includes("."));
  const meant = nearest(key, keys);
  if (meant !== null) return { remedy: `did you mean ${meant}?`, meant };
  const homes = sectionsWith(key, known);
  if (homes.length > 0) return { remedy: `it belongs below ${listOf(homes)}` };
  return { remedy: keys.length === 0 ? "remove it" : `remove it; known are ${keys.join(", ")}` };
}

function adviseInnerKey(section: string, key: string, known: readonly string[]): Advice {
  const [home, ...others] = sectionsWith(key, known);
  if (home !== undefined) {
    const remedy = `it belongs below ${listOf([home, ...others])}`;
    return others.length === 0 ? { remedy, meant: `${home}.${key}` } : { remedy };
  }
  const keys = keysIn(section, known);
  const meant = nearest(key, keys);
  if (meant !== null) return { remedy: `did you mean ${meant}?`, meant: `${section}.${meant}` };
  return { remedy: `remove it; [${section}] knows ${keys.join(", ")}` };
}

const bracketed = (section: string): string => `[${section}]`;
const listOf = (sections: readonly string[]): string => sections.map(bracketed).join(" or ");
