// What is the code of a plugin? Its file and every file that it imports, however far away: one hash over all of them, the same on
// every machine. What Graft itself provides is not part of it, nor what Bun provides.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname } from "node:path";

const provided: ReadonlySet<string> = new Set(["graft", "bun", ...builtinModules]);
const isProvided = (specifier: string): boolean => provided.has(specifier) || /^(?:node|bun):/.test(specifier);

const loaders: Readonly<Record<string, "ts" | "tsx" | "js" | "jsx">> = {
  ts: "ts",
  mts: "ts",
  cts: "ts",
  tsx: "tsx",
  js: "js",
  mjs: "js",
  cjs: "js",
  jsx: "jsx",
};

/**
 * SHA-256, 64 hexadecimal digits. Files count in the order in which they are imported, each with the words by which the others import
 * it, and so where the files lie does not matter. An import that leads nowhere counts as its words alone: it may never be needed.
 */
export function codeHash(path: string): string {
  const hash = new Bun.CryptoHasher("sha256");
  const numbers = new Map<string, number>();
  const visit = (file: string): number => {
    const known = numbers.get(file);
    if (known !== undefined) return known;
    const number = numbers.size;
    numbers.set(file, number);
    const source = readFileSync(file);
    const imports = importsOf(file, source.toString("utf8")).map(({ specifier, target }) => [
      specifier,
      target === null ? null : visit(target),
    ]);
    hash.update(JSON.stringify({ number, bytes: source.byteLength, imports }));
    hash.update(source);
    return number;
  };
  visit(path);
  return hash.digest("hex");
}

interface Import {
  readonly specifier: string;
  /** The file that it leads to. */
  readonly target: string | null;
}

/** In the order of the text. A file that is no code, such as JSON, imports nothing. */
function importsOf(file: string, source: string): readonly Import[] {
  const loader = loaders[file.slice(file.lastIndexOf(".") + 1)];
  if (loader === undefined) return [];
  const specifiers = new Bun.Transpiler({ loader }).scanImports(source).map(({ path }) => path);
  return specifiers
    .filter((specifier) => !isProvided(specifier))
    .map((specifier) => ({ specifier, target: resolved(specifier, file) }));
}

function resolved(specifier: string, from: string): string | null {
  try {
    return Bun.resolveSync(specifier, dirname(from));
  } catch {
    return null;
  }
}
