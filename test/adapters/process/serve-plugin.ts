// A program that is a state machine, for the tests: it loads a plugin and serves it as docs/process.md says, in CBOR, or in JSON with
// `--json` behind its path.
import { checkDefinition, type RawPlugin } from "../../../src/adapters/plugin/definition-check.ts";
import type { CborValue } from "../../../src/adapters/cbor/value.ts";
import { provideApiModule } from "../../../src/adapters/plugin/api-module.ts";
import { Rejected } from "../../../src/adapters/plugin/api.ts";
import { CommandContext } from "../../../src/adapters/plugin/apply-context.ts";
import { guarded, installDeterminismGuard } from "../../../src/adapters/plugin/determinism-guard.ts";
import { reasonOf } from "../../../src/adapters/plugin/command-outcomes.ts";
import { createRawHandlers } from "../../../src/adapters/plugin/raw-handlers.ts";
import { type Framing, MessageReader, toMessage } from "../../../src/adapters/process/framing.ts";

type Fields = Readonly<Record<string, CborValue>>;

provideApiModule();
installDeterminismGuard();
const [path = "", flag] = process.argv.slice(2);
const framing: Framing = flag === "--json" ? "json" : "cbor";
const plugin = checkDefinition(((await import(path)) as { readonly default: unknown }).default) as RawPlugin;
let handlers = createRawHandlers(plugin.create());
const wakes = handlers.due !== null;
const itemsBytes = 64 * 1024;
let pieces: Iterator<Uint8Array, unknown> | null = null;
let from: string | null = null;

const send = (message: CborValue): void => void process.stdout.write(toMessage(message, framing));

function outcomeOf(run: () => () => Uint8Array, isHeard: boolean): CborValue {
  try {
    const encode = run();
    return { ok: isHeard ? encode() : new Uint8Array() };
  } catch (error) {
    return error instanceof Rejected ? { rejected: error.message } : { failed: reasonOf(error) };
  }
}

function apply({ commands, budget }: Fields): CborValue {
  const results: CborValue[] = [];
  let through: CborValue = 0;
  let bytes = 0;
  for (const command of commands as readonly Fields[]) {
    const { index, term, timeMs, payload, reply } = command as never as {
      readonly [key in "index" | "term" | "timeMs"]: number;
    } & { readonly payload: Uint8Array; readonly reply: boolean };
    const context = new CommandContext({ index, term, timeMs }, "command", wakes);
    const told = outcomeOf(() => guarded("apply", () => handlers.apply(payload, context)), reply);
    const asked = context.end();
    const result = asked === null || !("ok" in (told as Fields)) ? told : { ...(told as Fields), wakeAt: asked };
    results.push(result);
    through = index;
    const ok = (result as Fields)["ok"];
    bytes += ok instanceof Uint8Array ? ok.length : 0;
    if (bytes > (budget as number) || "failed" in (result as Fields)) break;
  }
  return { type: "applied", through, results };
}

function due({ index, term, timeMs }: Fields): CborValue {
  const context = new CommandContext({ index, term, timeMs } as never, "due", true);
  guarded("due", () => handlers.due!(context));
  return { type: "done", wakeAt: context.end() };
}

function query({ queries, index, timeMs }: Fields): CborValue {
  const reached = { index: index as number, timeMs: timeMs as number };
  const results = (queries as readonly Fields[]).map(({ payload }) =>
    outcomeOf(() => guarded("query", () => handlers.query(payload as Uint8Array, reached)), true),
  );
  return { type: "answered", results };
}

function read(): CborValue {
  const items: CborValue[] = [];
  for (let bytes = 0; bytes < itemsBytes && pieces !== null;) {
    const next = pieces.next();
    if (next.done === true) pieces = null;
    else bytes += items.push(next.value.slice()) && next.value.length;
  }
  return { type: "items", items, last: pieces === null };
}

function answerTo(request: Fields): CborValue {
  switch (request["type"]) {
    case "apply":
      return apply(request);
    case "due":
      return due(request);
    case "query":
      return query(request);
    case "snapshot":
      pieces = guarded("snapshot", () => handlers.snapshots!.take());
      return { type: "done" };
    case "read":
      return guarded("snapshot", read);
    case "close":
      pieces?.return?.();
      pieces = null;
      return { type: "done" };
    case "restore":
      handlers = createRawHandlers(plugin.create());
      from = request["from"] as string | null;
      return { type: "done" };
    case "items":
      for (const item of request["items"] as readonly Uint8Array[])
        guarded("restore", () => handlers.snapshots!.restore(item, from));
      return { type: "done" };
    default:
      return { type: "done" };
  }
}

const { name, version } = plugin;
send({ graft: 1, type: "hello", name, version, snapshots: handlers.snapshots !== null, wakes });
const reader = new MessageReader();
for await (const chunk of Bun.stdin.stream()) {
  for (const request of reader.read(chunk)) {
    try {
      send(answerTo(request as Fields));
    } catch (error) {
      pieces = null;
      send({ type: "failed", message: reasonOf(error) });
    }
  }
}
