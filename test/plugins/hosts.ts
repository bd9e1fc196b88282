// Runs a shipped plugin in both hosts, as a client would see it.
import { decodeValue, encodeValue, type CborValue } from "../../src/adapters/cbor/value.ts";
import { createInlineStateMachine } from "../../src/adapters/plugin/inline-host.ts";
import { locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { createWorkerStateMachine } from "../../src/adapters/plugin/worker-host.ts";
import type { Outcome, StateMachine } from "../../src/ports/state-machine.ts";
import { answerTo, outcomesOf } from "../contracts/outcomes-of.ts";

export interface Session {
  readonly machine: StateMachine;
  /** A refusal is returned as its message, marked. */
  command(operation: string, input: CborValue): Promise<unknown>;
  query(operation: string, input: CborValue): Promise<unknown>;
  commandBytes(payload: Uint8Array): Promise<Outcome>;
  queryBytes(payload: Uint8Array): Promise<Outcome>;
  /** Replicated time goes on, a millisecond with each command and by this. No entry comes by itself. */
  passes(ms: number): void;
  /** As a leader has it in a quiet cluster. Returns when the state machine is to be woken next, ms from now; null: never. */
  tick(): Promise<number | null>;
  close(): Promise<void>;
}

export const hosts = [
  ["inline", (plugin: string) => createInlineStateMachine([locatePlugin(plugin, "/")]).then(sessionOf)],
  ["worker", (plugin: string) => createWorkerStateMachine([locatePlugin(plugin, "/")]).then(sessionOf)],
] as const;

function sessionOf(machine: StateMachine): Session {
  let index = 0;
  let passedMs = 0;
  const commandBytes = async (payload: Uint8Array): Promise<Outcome> => {
    const [outcome] = await outcomesOf(machine, [
      { kind: "command", index: ++index, term: 1, timeMs: index + passedMs, payload, session: null, isAwaited: true },
    ]);
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  };
  const queryBytes = (payload: Uint8Array): Promise<Outcome> => answerTo(machine, payload);
  return {
    machine,
    command: async (operation, input) => plain(await commandBytes(encodeValue([operation, input]))),
    query: async (operation, input) => plain(await queryBytes(encodeValue([operation, input]))),
    commandBytes,
    queryBytes,
    passes: (ms) => void (passedMs += ms),
    async tick() {
      const timeMs = ++index + passedMs;
      const wakeAtMs = await machine.apply([{ kind: "tick", index, term: 1, timeMs, isAwaited: false }], () => {});
      return wakeAtMs === null ? null : wakeAtMs - timeMs;
    },
    close: () => machine.close(),
  };
}

function plain(outcome: Outcome): unknown {
  return outcome.kind === "ok" ? decodeValue(outcome.payload) : told(outcome);
}

/** What stands for an outcome that is no answer. */
export const told = (outcome: Exclude<Outcome, { readonly kind: "ok" }>): string =>
  outcome.kind === "rejected" ? `rejected: ${outcome.message}` : outcome.kind;
