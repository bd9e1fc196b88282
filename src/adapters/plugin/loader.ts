// Finds a plugin by what the configuration says, and loads it, or says what is wrong with it and where it lies. Whoever
// starts a node does this first.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GraftError } from "../../errors.ts";
import { provideApiModule } from "./api-module.ts";
import { codeHash } from "./code-hash.ts";
import { checkDefinition, DefinitionProblem, type Plugin } from "./definition-check.ts";
import { installDeterminismGuard } from "./determinism-guard.ts";
import { shippedNames, shippedPlugin } from "./shipped.ts";

/** Where a plugin is: plain data, so that a worker can be told. */
export type PluginLocation =
  | { readonly kind: "shipped"; readonly name: string }
  /** `path`: absolute, a file. */
  | { readonly kind: "file"; readonly path: string };

const EXTENSIONS: readonly string[] = [".ts", ".js", ".mts", ".mjs"];
const INDEX_FILES: readonly string[] = EXTENSIONS.map((extension) => `index${extension}`);

/**
 * `plugin` is a shipped name, or the path of a file or folder, relative to `directory`. A shipped name wins: write
 * `./kv` for a folder of that name. Throws `GraftError("plugin")` when there is nothing to load.
 */
export function locatePlugin(plugin: string, directory: string): PluginLocation {
  if (shippedNames.includes(plugin)) return { kind: "shipped", name: plugin };
  const path = resolve(directory, plugin);
  if (!existsSync(path)) {
    const isName = /^\w+$/.test(plugin);
    throw problem(path, `it does not exist${isName ? ` (these ship with Graft: ${shippedNames.join(", ")})` : ""}`);
  }
  const file = statSync(path).isDirectory() ? mainFileOf(path) : path;
  if (!EXTENSIONS.some((extension) => file.endsWith(extension))) {
    throw problem(file, `it is not one of ${EXTENSIONS.join(", ")}`);
  }
  return { kind: "file", path: file };
}

/** Runs the plugin's module. Throws `GraftError("plugin")` naming the path and the problem. */
export async function loadPlugin(location: PluginLocation): Promise<Plugin> {
  installDeterminismGuard();
  const where = nameOf(location);
  try {
    if (location.kind === "shipped") return checkDefinition(shippedPlugin(location.name));
    const plugin = checkDefinition(await importDefault(where));
    return { ...plugin, code: codeHash(location.path) };
  } catch (error) {
    if (error instanceof DefinitionProblem) throw problem(where, error.message);
    throw error;
  }
}

/** How a plugin is called in errors: a shipped one by its name, any other by its absolute path. */
export function nameOf(location: PluginLocation): string {
  return location.kind === "shipped" ? location.name : location.path;
}

/** A plugin that cannot be used, as an error that names it. */
export function problem(where: string, what: string, cause?: unknown): GraftError {
  return new GraftError("plugin", `The plugin ${where} cannot be used: ${what}`, { cause });
}

/** What `create` of a plugin that was loaded threw. */
export function startFailure(location: PluginLocation, cause: unknown): GraftError {
  const what = cause instanceof DefinitionProblem ? cause.message : `its create() failed: ${messageOf(cause)}`;
  return problem(nameOf(location), what, cause);
}

function mainFileOf(folder: string): string {
  const manifest = join(folder, "package.json");
  const main = existsSync(manifest) ? mainFieldOf(manifest) : undefined;
  const candidates = main === undefined ? INDEX_FILES : [main];
  const found = candidates
    .map((name) => join(folder, name))
    .find((path) => existsSync(path) && statSync(path).isFile());
  if (found === undefined) throw problem(folder, `the folder has no ${candidates.join(" or ")}`);
  return found;
}

function mainFieldOf(manifest: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(manifest, "utf8"));
  } catch (cause) {
    throw problem(manifest, `it is not JSON: ${messageOf(cause)}`, cause);
  }
  const main = typeof parsed === "object" && parsed !== null && "main" in parsed ? parsed.main : undefined;
  return typeof main === "string" ? main : undefined;
}

async function importDefault(path: string): Promise<unknown> {
  provideApiModule();
  let module: unknown;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw problem(path, importFailure(cause), cause);
  }
  if (typeof module === "object" && module !== null && "default" in module) return module.default;
  throw problem(path, "it has no default export: export default defineStateMachine({…})");
}

function importFailure(cause: unknown): string {
  const causes: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  const doesNotParse = causes.some((each) => each instanceof Error && each.name === "BuildMessage");
  const told = causes.map(placed).join("; ");
  return doesNotParse ? `it does not parse: ${told}` : `it does not load: ${told}`;
}

function placed(error: unknown): string {
  const position: unknown = error instanceof Error && "position" in error ? error.position : null;
  if (typeof position !== "object" || position === null) return messageOf(error);
  const { line, column, file } = position as {
    readonly line?: number;
    readonly column?: number;
    readonly file?: string;
  };
  return `${messageOf(error)} (${file ?? ""}:${line ?? "?"}:${column ?? "?"})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
