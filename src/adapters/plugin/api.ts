// What a plugin sees of Graft: `import { … } from "graft"` resolves to this file, in a checkout and in the compiled binary.
// How a definition is run is executor.ts, where it may live inline-host.ts and worker-host.ts, what is caught
// determinism-guard.ts. For authors: docs/plugins.md is a tutorial, docs/plugins-reference.md the reference.
import type { StandardSchemaV1 } from "@standard-schema/spec";

export * as v from "valibot";
export { bytes, type BytesInput } from "./bytes.ts";
export { SnapshotMap } from "./snapshot-map.ts";

/** A schema of any library that implements Standard Schema v1. It must validate synchronously. */
export type Schema = StandardSchemaV1;

/**
 * The one error that is an answer: the command is refused, with this message, on every node alike. Throw it before anything
 * is changed: what a handler did to the state before it threw stays done. Any other error stops the state machine.
 */
export class Rejected extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Rejected";
  }
}

/** What a command may depend on besides the state and its input: the same on every node, and at every replay. */
export interface ApplyContext {
  /** Where the command stands in the log: rises from command to command, with gaps. */
  readonly index: number;
  /** The term of the leader that took the command. */
  readonly term: number;
  /** Replicated time in ms since 1970, stamped by the leader. Never goes back; stands still while nobody leads. */
  readonly timeMs: number;
  /** A number in [0, 1), drawn from a generator seeded with index and term. Not a secret: anyone can compute it. */
  random(): number;
  /**
   * Asks for `due` to run once replicated time has reached this time, ms since 1970, also if no command comes. The state machine has one such
   * time: a later one than it has asked for before changes nothing. Throws `TypeError` where there is no `due`, and for what is not a number.
   */
  wakeAt(timeMs: number): void;
}

/** A query may depend on this, on the state and on its input, and on nothing else. */
export interface QueryContext {
  /** Of the last entry that the state has in it. 0: it has none. */
  readonly index: number;
  /** Replicated time of that entry, in ms since 1970: never goes back, and stands still while nobody writes. 0: there is none. */
  readonly timeMs: number;
}

/** A source of chance for `example`. The same seed of `graft sim` draws the same. */
export interface Draw {
  /** A number in [0, 1). */
  random(): number;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** One of these. Throws `RangeError` for an empty list. */
  pick<const T>(list: readonly T[]): T;
  /** Whether something happens that has this probability, from 0 to 1. */
  happens(probability: number): boolean;
  bytes(length: number): Uint8Array;
}

/**
 * Draws an input for `graft sim`, as a client would send it. Draw from few values, so that operations meet at the same keys.
 * Without it, inputs are drawn from the schema, as far as that is one of valibot.
 */
export type Example<Input extends Schema> = (draw: Draw) => StandardSchemaV1.InferInput<Input>;

/** Changes the state. What it returns is the client's result. A command whose result is not needed returns nothing, which arrives as `null`. */
export interface Command<State, Input extends Schema, Result> {
  readonly input: Input;
  readonly example?: Example<NoInfer<Input>>;
  apply(state: State, input: StandardSchemaV1.InferOutput<Input>, context: ApplyContext): Result;
}

/** Reads the state and must not change it. What it returns is the client's result; `undefined` arrives as `null`. */
export interface Query<State, Input extends Schema, Result> {
  readonly input: Input;
  readonly example?: Example<NoInfer<Input>>;
  answer(state: State, input: StandardSchemaV1.InferOutput<Input>, context: QueryContext): Result;
}

type Schemas = Readonly<Record<string, Schema>>;

/**
 * The names stand in both parameters, so that the compiler infers the schemas and the results side by side. For that it also
 * needs the bound that defineStateMachine sets on the results.
 */
type Commands<State, Inputs extends Schemas, Results> = {
  readonly [Name in keyof Inputs & keyof Results]: Command<State, Inputs[Name], Results[Name]>;
};

type Queries<State, Inputs extends Schemas, Results> = {
  readonly [Name in keyof Inputs & keyof Results]: Query<State, Inputs[Name], Results[Name]>;
};

interface Named {
  /** Shown in the status and in errors. */
  readonly name: string;
  /** Raise it whenever the same commands could lead to another state or another answer. */
  readonly version: string;
}

/** One record: Graft's own bytes under a key of its choice. */
export type StateRecord = readonly [key: string, value: Uint8Array];

/** Null removes the record. */
export type RecordChange = readonly [key: string, value: Uint8Array | null];

/**
 * How a state machine keeps its state on disk, so that a restart goes on where it stood. A crash leaves the state as of an earlier `commit`, and
 * Graft applies the entries after it again. A commit need not survive a power failure, as long as what is left is the state of some commit.
 */
export interface Durable<State> {
  /**
   * The state that this folder holds, or an empty one. The folder exists and belongs to this state machine alone. What it throws is damage:
   * Graft sets the folder aside and begins with an empty one.
   */
  open(folder: string): State;
  /** The records of the last `commit`. An empty state has none. */
  records(state: State): Iterable<StateRecord>;
  /** Makes everything since the last commit durable together with these records: after a crash, all of it is there or nothing. */
  commit(state: State, changes: readonly RecordChange[]): void;
  /** Removes everything, records too. What follows is as after `open` of an empty folder. Durable with the next commit. */
  clear(state: State): void;
  /** What was not committed may go. */
  close(state: State): void;
}

/** The state is in memory, and a restart begins with the latest snapshot. */
interface InMemory<State> {
  /** A fresh, empty state. Must be the same on every node. */
  readonly create: () => State;
  readonly durable?: undefined;
}

/** The state is on disk. Such a state machine needs `snapshot` and `restore`; its `snapshot` gives the last commit, and is called right after one. */
interface OnDisk<State> {
  readonly create?: undefined;
  readonly durable: Durable<State>;
}

interface TypedParts<
  State,
  CommandInputs extends Schemas,
  CommandResults,
  QueryInputs extends Schemas,
  QueryResults,
  Item = unknown,
> extends Named {
  /**
   * The state as items, each of which CBOR can carry, like a result. It must change nothing. An array is written down before
   * the next command. Anything else is iterated while commands go on, and so must be a view that does not change with the
   * state, such as `SnapshotMap.snapshot()` gives: hence no generator function, whose body would begin too late.
   * Without `snapshot` and `restore`, the log grows for ever.
   */
  readonly snapshot?: (state: State) => Iterable<Item>;
  /** Puts the items back, one by one and in order, into a state that `create` made. */
  readonly restore?: (state: State, item: NoInfer<Item>) => void;
  /**
   * Puts the items of another version's snapshot into a state that `create` made, one by one and in order; `from` is that version.
   * Called when this version takes over, and where a node begins with an older snapshot. Without it, `restore` gets them.
   */
  readonly migrate?: (state: State, item: unknown, from: string) => void;
  /**
   * Runs before the first entry whose `timeMs` has reached the time that `ctx.wakeAt` has asked for; then that time is forgotten, so ask again
   * if there is a next one. Whatever it throws stops the state machine, `Rejected` too: nobody waits for an answer.
   */
  readonly due?: (state: State, context: ApplyContext) => void;
  readonly commands: Commands<State, CommandInputs, CommandResults>;
  readonly queries: Queries<State, QueryInputs, QueryResults>;
}

export type TypedDefinition<
  State,
  CommandInputs extends Schemas,
  CommandResults,
  QueryInputs extends Schemas,
  QueryResults,
  Item = unknown,
> = TypedParts<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> & InMemory<State>;

export type DurableTypedDefinition<
  State,
  CommandInputs extends Schemas,
  CommandResults,
  QueryInputs extends Schemas,
  QueryResults,
  Item = unknown,
> = TypedParts<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> & OnDisk<State>;

/** A state machine with its own encoding: bytes in, bytes out. The bytes belong to the callee. */
export interface RawInstance {
  /** Null declares that the result is not needed: the client gets no bytes. */
  apply(command: Uint8Array, context: ApplyContext): Uint8Array | null;
  /** Must not change the state. */
  query(query: Uint8Array, context: QueryContext): Uint8Array;
  /**
   * The state in pieces of bytes. It must change nothing. An array is copied before the next command. Anything else is iterated
   * while commands go on, and so must be a view that does not change with the state: hence no generator function, whose body
   * would begin too late. Without `snapshot` and `restore`, the log grows for ever.
   */
  snapshot?(): Iterable<Uint8Array>;
  /** Puts the pieces back, one by one, in order and as they were, into what `create` made. */
  restore?(piece: Uint8Array): void;
  /** Runs once the time has come that `context.wakeAt` has asked for. See `due` of the typed style. */
  due?(context: ApplyContext): void;
  /** Puts the pieces of another version's snapshot into what `create` made; `from` is that version. Without it, `restore` gets them. */
  migrate?(piece: Uint8Array, from: string): void;
}

interface RawParts extends Named {
  /** Draw commands and queries for `graft sim`. Without them, it sends a few random bytes. */
  readonly example?: {
    readonly command?: (draw: Draw) => Uint8Array;
    readonly query?: (draw: Draw) => Uint8Array;
  };
}

export type RawDefinition = RawParts & InMemory<RawInstance>;
export type DurableRawDefinition = RawParts & OnDisk<RawInstance>;

interface Typed {
  readonly style: "typed";
}

interface Raw {
  readonly style: "raw";
}

export type TypedStateMachine<
  State,
  CommandInputs extends Schemas,
  CommandResults,
  QueryInputs extends Schemas,
  QueryResults,
  Item = unknown,
> = TypedDefinition<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> & Typed;

export type DurableTypedStateMachine<
  State,
  CommandInputs extends Schemas,
  CommandResults,
  QueryInputs extends Schemas,
  QueryResults,
  Item = unknown,
> = DurableTypedDefinition<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> & Typed;

export type RawStateMachine = RawDefinition & Raw;
export type DurableRawStateMachine = DurableRawDefinition & Raw;

/** Named commands and queries, each with a schema that types its handler and the client. A plugin's default export. */
export function defineStateMachine<
  State,
  CommandInputs extends Schemas,
  CommandResults extends Record<keyof CommandInputs, unknown>,
  QueryInputs extends Schemas,
  QueryResults extends Record<keyof QueryInputs, unknown>,
  Item,
>(
  definition: TypedDefinition<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item>,
): TypedStateMachine<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> {
  return { ...definition, style: "typed" };
}

/** The same, with a state on disk. */
export function defineDurableStateMachine<
  State,
  CommandInputs extends Schemas,
  CommandResults extends Record<keyof CommandInputs, unknown>,
  QueryInputs extends Schemas,
  QueryResults extends Record<keyof QueryInputs, unknown>,
  Item,
>(
  definition: DurableTypedDefinition<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item>,
): DurableTypedStateMachine<State, CommandInputs, CommandResults, QueryInputs, QueryResults, Item> {
  return { ...definition, style: "typed" };
}

/** Bytes in, bytes out, for those who bring their own encoding. A plugin's default export. */
export function defineRawStateMachine(definition: RawDefinition): RawStateMachine {
  return { ...definition, style: "raw" };
}

/** The same, with a state on disk. */
export function defineDurableRawStateMachine(definition: DurableRawDefinition): DurableRawStateMachine {
  return { ...definition, style: "raw" };
}

interface WithCommands {
  readonly commands: Readonly<Record<string, { readonly input: Schema; apply(...given: never): unknown }>>;
}

interface WithQueries {
  readonly queries: Readonly<Record<string, { readonly input: Schema; answer(...given: never): unknown }>>;
}

/** What arrives at the client for what a handler returned. */
type Delivered<Result> = Result extends undefined | void ? null : Result;

/** The names of a machine's commands: `CommandName<typeof kv>` is `"put" | "delete" | …`. */
export type CommandName<Machine extends WithCommands> = keyof Machine["commands"] & string;

/** What a client sends with a command: the schema's input, before defaults and transforms. */
export type CommandInput<Machine extends WithCommands, Name extends CommandName<Machine>> = StandardSchemaV1.InferInput<
  Machine["commands"][Name]["input"]
>;

/** What a client gets back for a command. */
export type CommandResult<Machine extends WithCommands, Name extends CommandName<Machine>> = Delivered<
  ReturnType<Machine["commands"][Name]["apply"]>
>;

export type QueryName<Machine extends WithQueries> = keyof Machine["queries"] & string;

/** What a client sends with a query: the schema's input, before defaults and transforms. */
export type QueryInput<Machine extends WithQueries, Name extends QueryName<Machine>> = StandardSchemaV1.InferInput<
  Machine["queries"][Name]["input"]
>;

/** What a client gets back for a query. */
export type QueryResult<Machine extends WithQueries, Name extends QueryName<Machine>> = Delivered<
  ReturnType<Machine["queries"][Name]["answer"]>
>;
