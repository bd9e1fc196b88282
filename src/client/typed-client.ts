// Commands and queries of one state machine, checked by the compiler: `typedClient<typeof kv>(client)` knows the names, the
// inputs and the results of what the plugin defines. It costs nothing at run time but the encoding.
import type {
  CommandInput,
  CommandName,
  CommandResult,
  QueryInput,
  QueryName,
  QueryResult,
  Schema,
} from "../adapters/plugin/api.ts";
import type { GraftClient, QueryOptions, RequestOptions, Result } from "./client.ts";
import { decodeResult, encodeOperation, type PayloadValue } from "./typed-payload.ts";

/** What `defineStateMachine` returns, as far as a client is concerned. */
interface Machine {
  readonly commands: Readonly<Record<string, { readonly input: Schema; apply(...given: never): unknown }>>;
  readonly queries: Readonly<Record<string, { readonly input: Schema; answer(...given: never): unknown }>>;
}

/** What a state machine answered, and where the command stands in the log. */
export interface TypedResult<Value> {
  readonly result: Value;
  readonly index: number;
  readonly term: number;
  /** As in `Result`. */
  readonly stalenessMs: number | null;
}

export interface TypedClient<M extends Machine> {
  /** Rejects as `GraftClient.command` does. */
  command<Name extends CommandName<M>>(
    name: Name,
    input: CommandInput<M, Name>,
    options?: RequestOptions,
  ): Promise<TypedResult<CommandResult<M, Name>>>;

  /** Rejects as `GraftClient.query` does. */
  query<Name extends QueryName<M>>(
    name: Name,
    input: QueryInput<M, Name>,
    options?: QueryOptions,
  ): Promise<TypedResult<QueryResult<M, Name>>>;
}

/** The types hold as long as the cluster runs the plugin they were taken from. */
export function typedClient<M extends Machine>(client: GraftClient): TypedClient<M> {
  return {
    command: async (name, input, options) =>
      typed(await client.command(encodeOperation(name, input as PayloadValue), options), "command"),
    query: async (name, input, options) =>
      typed(await client.query(encodeOperation(name, input as PayloadValue), options), "query"),
  };
}

const typed = <Value>({ payload, index, term, stalenessMs }: Result, of: "command" | "query"): TypedResult<Value> => ({
  result: decodeResult(payload, of) as Value,
  index,
  term,
  stalenessMs,
});
