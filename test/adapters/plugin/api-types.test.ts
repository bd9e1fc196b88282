// What the compiler makes of a definition: `bun check` is the judge of every line, and each @ts-expect-error must fail.
import { describe, expect, test } from "bun:test";
import {
  type BytesInput,
  bytes,
  type CommandInput,
  type CommandName,
  type CommandResult,
  defineStateMachine,
  type QueryInput,
  type QueryName,
  type QueryResult,
  SnapshotMap,
  v,
} from "graft";

const machine = defineStateMachine({
  name: "typed",
  version: "1.0.0",
  create: () => new Map<string, Uint8Array>(),
  commands: {
    put: {
      input: v.object({ key: v.string(), value: bytes(), ttlMs: v.optional(v.number(), 0) }),
      apply(state, input, ctx) {
        state.set(input.key, input.value);
        const expiresMs: number = ctx.timeMs + input.ttlMs;
        // @ts-expect-error: the schema knows no such field
        void input.nope;
        // @ts-expect-error: nor does the state
        void state.nope;
        return { expiresMs };
      },
    },
    clear: { input: v.null(), apply: (state) => state.clear() },
  },
  queries: {
    get: { input: v.string(), answer: (state, key) => state.get(key) ?? null },
  },
});

type Machine = typeof machine;
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

const names: Same<CommandName<Machine>, "put" | "clear"> & Same<QueryName<Machine>, "get"> = true;
const input: Same<CommandInput<Machine, "put">, { key: string; value: BytesInput; ttlMs?: number | undefined }> = true;
const result: Same<CommandResult<Machine, "put">, { expiresMs: number }> = true;
const nothing: Same<CommandResult<Machine, "clear">, null> = true;
const question: Same<QueryInput<Machine, "get">, string> = true;
const answer: Same<QueryResult<Machine, "get">, Uint8Array<ArrayBufferLike> | null> = true;

describe("the types of a definition", () => {
  test("are inferred for handlers and client alike", () => {
    expect([names, input, result, nothing, question, answer]).not.toContain(false);
  });

  test("refuse an operation without a handler or a schema", () => {
    const incomplete = () =>
      defineStateMachine({
        name: "incomplete",
        version: "1.0.0",
        create: () => 0,
        commands: {
          // @ts-expect-error: apply is missing
          noHandler: { input: v.null() },
          // @ts-expect-error: 5 is no schema
          noSchema: { input: 5, apply: () => 1 },
        },
        queries: {},
      });
    expect(incomplete).not.toThrow();
  });

  test("say what an item is, from snapshot to restore", () => {
    const items = defineStateMachine({
      name: "items",
      version: "1.0.0",
      create: () => new SnapshotMap<string, number>(),
      snapshot: (state) => state.snapshot(),
      restore(state, [key, value]) {
        state.set(key, value);
        // @ts-expect-error: an item is what snapshot gives
        void value.nope;
      },
      commands: {},
      queries: {},
    });
    expect(items.style).toBe("typed");
  });
});
