// Whether a module's default export is a state machine, and if not, what it lacks. A plugin may be plain JavaScript, and
// its author may not have asked the compiler: nothing is taken on trust.
import { isPluginWord, pluginWordRule } from "../../core/activation.ts";
import type { ApplyContext, Draw, QueryContext, RecordChange, Schema } from "./api.ts";
import { mustBeOver } from "./handlers.ts";
import type { StateMachineDescription } from "../../ports/state-machine.ts";
import { inTemporaryFolder } from "./temporary-state.ts";

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
  /** Of a durable one: in a temporary folder. */
  readonly create: () => unknown;
  readonly durable: DurableHooks<unknown> | null;
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
  /** Of a durable one: commits what was restored. */
  readonly settle: ((state: unknown) => void) | null;
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
    readonly settle: (() => void) | null;
  } | null;
  readonly due: ((context: ApplyContext) => unknown) | null;
}

export interface RawPlugin extends Named {
  readonly style: "raw";
  /** Of a durable one: in a temporary folder. */
  readonly create: () => RawState;
  readonly durable: DurableHooks<RawState> | null;
  readonly examples: Readonly<Record<"command" | "query", Command["example"]>>;
}

export type Plugin = TypedPlugin | RawPlugin;

/** How a plugin keeps its state on disk; null where a plugin keeps none. Nothing of what these return is checked. */
export interface DurableHooks<State> {
  open(folder: string): State;
  records(state: State): unknown;
  commit(state: State, changes: readonly RecordChange[]): unknown;
  clear(state: State): unknown;
  close(state: State): unknown;
}

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
  if (exported["style"] === "raw") return { ...named, ...rawParts(exported) };
  const durable = durableOf(exported);
  const snapshots = snapshotsOf(exported, "");
  if (durable !== null) mustHaveSnapshots(snapshots, "it keeps its state on disk");
  return {
    ...named,
    style: "typed",
    ...beginningOf(exported, durable),
    snapshots: durable === null ? snapshots : committed(snapshots, (state) => void durable.commit(state, [])),
    due: dueOf(exported, ""),
    commands: operationsOf(exported, "commands", "apply"),
    queries: operationsOf(exported, "queries", "answer"),
  };
}

function rawParts(exported: Readonly<Record<string, unknown>>): Omit<RawPlugin, "name" | "version"> {
  const examples = rawExamplesOf(exported["example"] ?? {});
  const durable = durableOf(exported);
  if (durable === null) {
    const create = functionOf(exported, "create", "create");
    const checked = (): RawState => checkInstance(create.call(exported), "create()");
    return { style: "raw", create: checked, durable: null, examples };
  }
  const opened = (instance: unknown): RawState => {
    const state = checkInstance(instance, "durable.open()");
    mustHaveSnapshots(state.snapshots, "what its durable.open() returns");
    return { ...state, snapshots: committed(state.snapshots, () => void durable.commit(instance, [])) };
  };
  const hooks: DurableHooks<RawState> = {
    open: (folder) => opened(durable.open(folder)),
    records: ({ instance }) => durable.records(instance),
    commit: ({ instance }, changes) => durable.commit(instance, changes),
    clear: ({ instance }) => durable.clear(instance),
    close: ({ instance }) => durable.close(instance),
  };
  return { style: "raw", create: inTemporaryFolder(hooks), durable: hooks, examples };
}

function beginningOf(
  exported: Readonly<Record<string, unknown>>,
  durable: DurableHooks<unknown> | null,
): Pick<TypedPlugin, "create" | "durable"> {
  if (durable !== null) return { create: inTemporaryFolder(durable), durable };
  const create = functionOf(exported, "create", "create");
  return { create: () => create.call(exported), durable: null };
}

function durableOf(exported: Readonly<Record<string, unknown>>): DurableHooks<unknown> | null {
  const durable = exported["durable"];
  if (durable === undefined) return null;
  if (exported["create"] !== undefined)
    throw new DefinitionProblem("it has both create and durable: a state comes from one of the two");
  if (!isRecord(durable))
    throw new DefinitionProblem("its durable is not an object with open, records, commit, clear and close");
  const hook = (name: string): Callable => {
    const found = functionOf(durable, name, `durable.${name}`);
    return (...given) => {
      const result = found.apply(durable, given);
      mustBeOver(`durable.${name}`, result);
      return result;
    };
  };
  return {
    open: hook("open"),
    records: hook("records"),
    commit: hook("commit"),
    clear: hook("clear"),
    close: hook("close"),
  };
}

function mustHaveSnapshots(snapshots: unknown, what: string): void {
  if (snapshots === null)
    throw new DefinitionProblem(`${what}, and has no snapshot and restore: other nodes begin with its snapshots`);
}

/** A snapshot is a frozen read of the last commit, and what was restored from one is committed. */
const committed = <State, Snapshots extends { readonly take: (state: State) => unknown } | null>(
  snapshots: Snapshots,
  commit: (state: State) => void,
): Snapshots =>
  snapshots && {
    ...snapshots,
    take(state: State) {
      commit(state);
      return snapshots.take(state);
    },
    settle: commit,
  };

type Callable = (...given: unknown[]) => unknown;

function checkInstance(instance: unknown, maker: string): RawState {
  if (!isRecord(instance)) throw new DefinitionProblem(`its ${maker} returns no object with apply and query`);
  const where = ` of what ${maker} returns`;
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
): {
  readonly take: Callable;
  readonly restore: Callable;
  readonly migrate: Callable | null;
  readonly settle: null;
} | null {
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
    settle: null,
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

/** As the node and its clients see it. `snapshots`: whether there are any. */
export function descriptionOf(plugin: Plugin, snapshots: boolean): StateMachineDescription {
  return {
    name: plugin.name,
    version: plugin.version,
    style: plugin.style,
    commands: plugin.style === "typed" ? [...plugin.commands.keys()] : [],
    queries: plugin.style === "typed" ? [...plugin.queries.keys()] : [],
    snapshots,
  };
}
