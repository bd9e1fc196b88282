// Notes which function of a plugin runs, so that one that does not return can be named.
import type { Schema } from "../adapters/plugin/api.ts";
import type { DurableHooks, Operation, Plugin, RawState } from "../adapters/plugin/definition-check.ts";
import { describeInput, describePayload } from "./describe-payload.ts";
import type { Whereabouts } from "./whereabouts.ts";

export function watchedPlugin(plugin: Plugin, where: Whereabouts): Plugin {
  if (plugin.style === "raw") {
    return {
      ...plugin,
      create: () => watchedState(where.during("create", plugin.create), where),
      durable: plugin.durable && watchedHooks(plugin.durable, where, (state) => watchedState(state, where)),
    };
  }
  const { create, durable, snapshots, due } = plugin;
  return {
    ...plugin,
    create: () => where.during("create", create),
    durable: durable && watchedHooks(durable, where, (state) => state),
    // What `take` returns may run more of the plugin's code when it is read: the snapshot remains the last that was noted.
    snapshots: snapshots && {
      take: (state) => where.during("snapshot", () => snapshots.take(state)),
      restore: (state, item) => where.during("restore", () => snapshots.restore(state, item)),
      migrate: watchedMigrate(snapshots.migrate, where),
      settle: snapshots.settle,
    },
    due: due && ((...given) => where.during("due", () => due(...given))),
    commands: watchedOperations("command", plugin.commands, where),
    queries: watchedOperations("query", plugin.queries, where),
  };
}

function watchedHooks<State>(
  durable: DurableHooks<State>,
  where: Whereabouts,
  watched: (state: State) => State,
): DurableHooks<State> {
  return {
    open: (folder) => watched(where.during("open", () => durable.open(folder))),
    records: (state) => where.during("records", () => durable.records(state)),
    commit: (...given) => where.during("commit", () => durable.commit(...given)),
    clear: (state) => where.during("clear", () => durable.clear(state)),
    close: (state) => where.during("close", () => durable.close(state)),
  };
}

function watchedMigrate<Given extends readonly unknown[]>(
  migrate: ((...given: Given) => unknown) | null,
  where: Whereabouts,
): ((...given: Given) => unknown) | null {
  return migrate && ((...given) => where.during("migrate", () => migrate(...given)));
}

function watchedState(state: RawState, where: Whereabouts): RawState {
  const { snapshots, due } = state;
  return {
    instance: state.instance,
    apply: (command, context) =>
      where.during(`the command ${describePayload("raw", command)}`, () => state.apply(command, context)),
    query: (query, context) =>
      where.during(`the query ${describePayload("raw", query)}`, () => state.query(query, context)),
    due: due && ((...given) => where.during("due", () => due(...given))),
    snapshots: snapshots && {
      take: () => where.during("snapshot", () => snapshots.take()),
      restore: (piece) => where.during("restore", () => snapshots.restore(piece)),
      migrate: watchedMigrate(snapshots.migrate, where),
      settle: snapshots.settle,
    },
  };
}

function watchedOperations<Context>(
  kind: "command" | "query",
  operations: ReadonlyMap<string, Operation<Context>>,
  where: Whereabouts,
): ReadonlyMap<string, Operation<Context>> {
  const watched = ([name, operation]: readonly [string, Operation<Context>]): readonly [string, Operation<Context>] => {
    const called = `the ${kind} ${name}`;
    const run: Operation<Context>["run"] = (...given) => where.during(null, () => operation.run(...given));
    return [name, { ...operation, input: watchedSchema(operation.input, called, where), run }];
  };
  return new Map(Array.from(operations, watched));
}

/** A schema sees each input first, as the client sent it. */
function watchedSchema(schema: Schema, called: string, where: Whereabouts): Schema {
  const standard = schema["~standard"];
  const validate = (value: unknown): ReturnType<typeof standard.validate> =>
    where.during(`${called} ${describeInput(value)}`, () => standard.validate(value));
  return Object.create(schema, { "~standard": { value: { ...standard, validate } } }) as Schema;
}
