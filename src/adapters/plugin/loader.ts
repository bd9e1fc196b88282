// Finds a plugin by what the configuration says, and loads it, or says what is wrong with it and where it lies. Whoever
// starts a node does this first.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GraftError } from "../../errors.ts";
import { type PluginVersion, versionsMax } from "../../core/activation.ts";
import { provideApiModule } from "./api-module.ts";
import { codeHash } from "./code-hash.ts";
import { checkDefinition, DefinitionProblem, type Plugin, type RawState } from "./definition-check.ts";
import { guarded, installDeterminismGuard } from "./determinism-guard.ts";
import { shippedHash, shippedNames, shippedPlugin } from "./shipped.ts";

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

/**
 * Where the versions of one plugin are: each of these names and paths, and all that lie side by side in a folder which is no plugin
 * itself, in the order of their names. Throws as `locatePlugin` does.
 */
export function locateVersions(plugins: readonly string[], directory: string): readonly PluginLocation[] {
  return plugins.flatMap((plugin) => {
    if (shippedNames.includes(plugin)) return [locatePlugin(plugin, directory)];
    const path = resolve(directory, plugin);
    const inside = existsSync(path) && statSync(path).isDirectory() && !hasMainFile(path) ? versionsIn(path) : [];
    return inside.length > 0 ? inside.map((each) => locatePlugin(each, path)) : [locatePlugin(plugin, directory)];
  });
}

const byNumbers = new Intl.Collator("en", { numeric: true });

/**
 * Files that may be plugins, and folders that hold one: as paths, since a shipped name would win. Hidden files are those of editors and
 * archive programs, and a declaration file holds no code.
 */
function versionsIn(folder: string): readonly string[] {
  const isVersion = (entry: string): boolean => {
    const path = join(folder, entry);
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
      ? hasMainFile(path)
      : EXTENSIONS.some((extension) => entry.endsWith(extension));
  };
  return readdirSync(folder)
    .filter((entry) => !entry.startsWith(".") && !/\.d\.m?ts$/.test(entry) && isVersion(entry))
    .sort((one, other) => byNumbers.compare(one, other))
    .map((entry) => join(folder, entry));
}

const hasMainFile = (folder: string): boolean =>
  existsSync(join(folder, "package.json")) || INDEX_FILES.some((name) => existsSync(join(folder, name)));

/** Runs the plugin's module. Throws `GraftError("plugin")` naming the path and the problem. */
export async function loadPlugin(location: PluginLocation): Promise<Plugin> {
  installDeterminismGuard();
  const where = nameOf(location);
  try {
    if (location.kind === "shipped") return checkDefinition(shippedPlugin(location.name));
    return checkDefinition(await importDefault(where));
  } catch (error) {
    if (error instanceof DefinitionProblem) throw problem(where, error.message);
    throw error;
  }
}

/** A plugin that was loaded, and which version of which code it is. */
export interface LoadedVersion {
  readonly plugin: Plugin;
  readonly id: PluginVersion;
  /** Whether it can hand its state over, and take one over. Null: who creates its state sees that. */
  readonly snapshots: boolean | null;
}

/** Loads several versions of one plugin. Throws `GraftError("plugin")`, also when two of them call themselves the same. */
export async function loadVersions(locations: readonly PluginLocation[]): Promise<readonly LoadedVersion[]> {
  if (locations.length > versionsMax) {
    throw problem(
      nameOf(locations[versionsMax]!),
      `it is one of ${locations.length} versions, and a node takes at most ${versionsMax}: remove old ones that no log and no snapshot needs any more`,
    );
  }
  const loaded: LoadedVersion[] = [];
  for (const location of locations) {
    const plugin = await loadPlugin(location);
    const hash = location.kind === "shipped" ? shippedHash(plugin) : codeHash(location.path);
    const id = { name: plugin.name, version: plugin.version, hash };
    const [first] = loaded;
    if (first !== undefined && first.id.name !== id.name) {
      throw problem(
        nameOf(location),
        `it is "${id.name}", and the version before it "${first.id.name}": name versions of one plugin`,
      );
    }
    if (loaded.some((other) => other.id.version === id.version)) {
      throw problem(
        nameOf(location),
        `another one of the versions is ${id.version} as well: give each its own version`,
      );
    }
    const isLast = location === locations.at(-1);
    loaded.push({ plugin, id, snapshots: isLast ? null : hasSnapshots(plugin, location) });
  }
  return loaded;
}

/** The `create` of one that is not begun with is tried: what fails there would be noticed when the version becomes active, on every node at once. */
function hasSnapshots(plugin: Plugin, location: PluginLocation): boolean {
  if (plugin.durable !== null) return true;
  try {
    const state = guarded("apply", () => plugin.create());
    return plugin.style === "typed" ? plugin.snapshots !== null : (state as RawState).snapshots !== null;
  } catch (cause) {
    throw startFailure(location, cause);
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

/** Of code that no file holds. */
const unknownHash = "0".repeat(64);

/** A plugin of which nobody tells versions apart. */
export function onlyVersion(plugin: Plugin): LoadedVersion {
  const { name, version } = plugin;
  return { plugin, snapshots: null, id: { name, version, hash: unknownHash } };
}
