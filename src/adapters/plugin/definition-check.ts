// Whether a module's default export is a state machine, and if not, what it lacks. A plugin may be plain JavaScript, and
// its author may not have asked the compiler: nothing is taken on trust.
import { isPluginWord, pluginWordRule } from "../../core/activation.ts";
import type { ApplyContext, Draw, QueryContext, Schema } from "./api.ts";

/** A command or query of a typed plugin, as the executor runs it. */
export interface Operation<Context> {
  readonly input: Schema;
  readonly run: (state: unknown, input: unknown, context: Context) => unknown;
  /** Draws an input, or what a plugin's author takes for one; null: there is none. */
  readonly example: ((draw: Draw) => unknown) | null;
}

export type Command = Operation<ApplyContext>;
export type Query = Operation<QueryContext>;

interface Named {
  readonly name: string;
  readonly version: string;
}

export interface TypedPlugin extends Named {
  readonly style: "typed";
  readonly create: () => unknown;
  readonly snapshots: TypedSnapshots | null;
  /** Null: it asks for no time. */
  readonly due: ((state: unknown, context: ApplyContext) => unknown) | null;
  readonly commands: ReadonlyMap<string, Command>;
  readonly queries: ReadonlyMap<string, Query>;
}

/** How the state of a typed plugin is taken and put back. */
export interface TypedSnapshots {
  readonly take: (state: unknown) => unknown;
  readonly restore: (state: unknown, item: unknown) => unknown;
  /** Of another version's snapshot; null: `restore` takes those as well. */
  readonly migrate: ((state: unknown, item: unknown, from: string) => unknown) | null;
}

/** What a raw plugin's `create` returns; nothing of what its methods return is checked. */
export interface RawState {
  /** Itself. */
  readonly instance: unknown;
  apply(command: Uint8Array, context: ApplyContext): unknown;
  query(query: Uint8Array, context: QueryContext): unknown;
  readonly snapshots: {
    readonly take: () => unknown;
    readonly restore: (piece: Uint8Array) => unknown;
    readonly migrate: ((piece: Uint8Array, from: string) => unknown) | null;
  } | null;
  readonly due: ((context: ApplyContext) => unknown) | null;
}

export interface RawPlugin extends Named {
  readonly style: "raw";
  readonly create: () => RawState;
  readonly examples: Readonly<Record<"command" | "query", Command["example"]>>;
}

export type Plugin = TypedPlugin | RawPlugin;

/** What is wrong with a definition, as the end of a sentence that begins with the plugin's path. */
export class DefinitionProblem extends Error {}

/** Throws `DefinitionProblem`. */
export function checkDefinition(exported: unknown): Plugin {
  if (!isRecord(exported) || (exported["style"] !== "typed" && exported["style"] !== "raw")) {
    throw new DefinitionProblem(
      "its default export is not a state machine: export default defineStateMachine({…}) or defineRawStateMachine({…})",
    );
  }
  const named = { name: wordOf(exported, "name"), version: wordOf(exported, "version") };
  const create = functionOf(exported, "create", "create");
  if (exported["style"] === "raw") {
    const examples = rawExamplesOf(exported["example"] ?? {});
    return { ...named, style: "raw", create: () => checkInstance(create.call(exported)), examples };
  }
  return {
    ...named,
    style: "typed",
    create: () => create.call(exported),
    snapshots: snapshotsOf(exported, ""),
    due: dueOf(exported, ""),
    commands: operationsOf(exported, "commands", "apply"),
    queries: operationsOf(exported, "queries", "answer"),
  };
}

type Callable = (...given: unknown[]) => unknown;

function checkInstance(instance: unknown): RawState {
  if (!isRecord(instance)) throw new DefinitionProblem("its create() returns no object with apply and query");
  const where = " of what create() returns";
  const apply = functionOf(instance, "apply", `apply${where}`);
  const query = functionOf(instance, "query", `query${where}`);
  return {
    instance,
    apply: (...given) => apply.apply(instance, given),
    query: (...given) => query.apply(instance, given),
    snapshots: snapshotsOf(instance, where),
    due: dueOf(instance, where),
  };
}

/** `snapshot` and `restore` or neither: half of them would be found out when it is too late. */
function snapshotsOf(
  holder: Readonly<Record<string, unknown>>,
  where: string,
): { readonly take: Callable; readonly restore: Callable; readonly migrate: Callable | null } | null {
  const hasOne = ["snapshot", "restore", "migrate"].some((field) => holder[field] !== undefined);
  if (!hasOne) return null;
  const take = functionOf(holder, "snapshot", `snapshot${where}, which belongs to restore`);
  const restore = functionOf(holder, "restore", `restore${where}, which belongs to snapshot`);
  if (isGeneratorFunction(take)) {
    throw new DefinitionProblem(
      `snapshot${where} is a generator function, whose body begins when commands have gone on: freeze the state first, and return what iterates it`,
    );
  }
  const migrate = holder["migrate"] === undefined ? null : functionOf(holder, "migrate", `migrate${where}`);
  return {
    take: (...given) => take.apply(holder, given),
    restore: (...given) => restore.apply(holder, given),
    migrate: migrate && ((...given) => migrate.apply(holder, given)),
  };
}

function dueOf(holder: Readonly<Record<string, unknown>>, where: string): Callable | null {
  if (holder["due"] === undefined) return null;
  const due = functionOf(holder, "due", `due${where}`);
  return (...given) => due.apply(holder, given);
}

const isGeneratorFunction = (callable: Callable): boolean =>
  Object.prototype.toString.call(callable) === "[object GeneratorFunction]";

function operationsOf(
  definition: Readonly<Record<string, unknown>>,
  field: "commands" | "queries",
  handler: "apply" | "answer",
): ReadonlyMap<string, Operation<unknown>> {
  const operations = definition[field];
  if (!isRecord(operations))
    throw new DefinitionProblem(`its ${field} are missing: give an object of named operations`);
  return new Map(
    Object.entries(operations).map(([name, operation]) => {
      const where = `${field}.${name}`;
      if (!isRecord(operation)) throw new DefinitionProblem(`${where} is not an object with input and ${handler}`);
      const run = functionOf(operation, handler, `${where}.${handler}`);
      const input = schemaOf(operation["input"], where);
      const example = exampleOf(operation, "example", `${where}.example`);
      return [name, { input, example, run: (...given) => run.apply(operation, given) }];
    }),
  );
}

function rawExamplesOf(examples: unknown): RawPlugin["examples"] {
  if (!isRecord(examples)) throw new DefinitionProblem("its example is not an object with command and query");
  return {
    command: exampleOf(examples, "command", "example.command"),
    query: exampleOf(examples, "query", "example.query"),
  };
}

function exampleOf(holder: Readonly<Record<string, unknown>>, field: string, where: string): Command["example"] {
  if (holder[field] === undefined) return null;
  const example = functionOf(holder, field, where);
  return (draw) => example.call(holder, draw);
}

function schemaOf(schema: unknown, where: string): Schema {
  const standard = isRecord(schema) || typeof schema === "function" ? Reflect.get(schema, "~standard") : undefined;
  if (!isRecord(standard) || typeof standard["validate"] !== "function") {
    throw new DefinitionProblem(`${where}.input is not a schema: any library that implements Standard Schema will do`);
  }
  return schema as Schema;
}

function wordOf(definition: Readonly<Record<string, unknown>>, field: string): string {
  const word = definition[field];
  if (typeof word !== "string" || !isPluginWord(word)) {
    throw new DefinitionProblem(`its ${field} is not a string of ${pluginWordRule}`);
  }
  return word;
}

function functionOf(holder: Readonly<Record<string, unknown>>, field: string, where: string): Callable {
  const found = holder[field];
  if (found === undefined) throw new DefinitionProblem(`it lacks the function ${where}`);
  if (typeof found !== "function") throw new DefinitionProblem(`${where} is not a function`);
  return found as Callable;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
