// What `execute command` and `execute query` share: their flags, and the way from what was typed to what is shown. The input is
// execute-input.ts, the result execute-result.ts.
import type { ArgsDef } from "citty";
import { GraftError } from "../errors.ts";
import { type ClusterArguments, clusterFlags, remainingMs, withClient } from "./cluster-access.ts";
import type { Context } from "./command.ts";
import { type BytesForm, payloadOf } from "./execute-input.ts";
import type { QueryOptions } from "../client/client.ts";
import { showResult } from "./execute-result.ts";
import { parseDurationMs } from "./typed-numbers.ts";

export const executeFlags = {
  file: {
    type: "string",
    valueHint: "[FIELD=]PATH",
    description: "read the field, or the whole input, from a file; may be repeated",
  },
  stdin: {
    type: "string",
    valueHint: "[FIELD]",
    description: "read the field, or the whole input, from standard input",
  },
  hex: { type: "boolean", description: "read and print bytes in hexadecimal" },
  base64: { type: "boolean", description: "read and print bytes in base64" },
  out: { type: "string", valueHint: "PATH", description: "write the bytes of the result to a file" },
  ...clusterFlags,
} as const satisfies ArgsDef;

export const executeDetails = [
  "A typed state machine has named operations: OP is the name, and INPUT is JSON. Where there is only one, OP may be left out, and INPUT may be a text, such as SQL. A raw state machine has no operations, and takes INPUT as bytes: as text, or with --hex or --base64.",
  `Where an operation takes bytes, JSON has a text (UTF-8) or {"base64": "…"}. Results have the same two forms. With --file or --stdin and no field, the whole input is JSON for a typed state machine and bytes for a raw one.`,
];

export const readingFlags = {
  consistency: {
    type: "string",
    valueHint: "linearizable|stale",
    description: "stale: any node answers at once from its own state; default: linearizable, always up to date",
  },
  "max-staleness": {
    type: "string",
    valueHint: "TIME",
    description: "with stale: the greatest age of the state, such as 2s",
  },
} as const satisfies ArgsDef;

interface ReadingArguments {
  readonly consistency?: string | undefined;
  readonly "max-staleness"?: string | undefined;
}

interface ExecuteArguments extends ClusterArguments, ReadingArguments {
  readonly op?: string | undefined;
  readonly input?: string | undefined;
  readonly hex?: boolean | undefined;
  readonly base64?: boolean | undefined;
  readonly out?: string | undefined;
}

export async function execute(kind: "command" | "query", args: ExecuteArguments, context: Context): Promise<void> {
  const { output, values } = context;
  const form = formOf(args);
  const reading = queryOptionsOf(args);
  const request = {
    kind,
    positionals: [args.op, args.input].filter((given) => given !== undefined),
    files: values("file"),
    stdin: values("stdin"),
    form,
  };
  await withClient(args, output, async ({ client, timeoutMs }) => {
    const dueMs = performance.now() + timeoutMs;
    const machine = await output
      .progress("asking what the state machine takes", client.describe({ timeoutMs }))
      .catch(before(kind));
    const payload = await payloadOf(request, machine);
    const options = { timeoutMs: remainingMs(dueMs) };
    const answer =
      kind === "command" ? client.command(payload, options) : client.query(payload, { ...options, ...reading });
    const result = await output.progress(`waiting for the ${kind}'s result`, answer);
    await showResult(
      result,
      { kind, style: machine.style, out: args.out, form, isStale: reading.consistency === "stale" },
      output,
    );
  });
}

/** The state machine was not asked yet. */
const before =
  (kind: "command" | "query") =>
  (error: unknown): never => {
    throw error instanceof GraftError ? error.about(kind === "command" ? "preparation" : kind) : error;
  };

/** How up to date the answer to a query must be. */
export function queryOptionsOf(given: ReadingArguments): QueryOptions {
  const { consistency = "linearizable", "max-staleness": maxStaleness } = given;
  if (consistency !== "linearizable" && consistency !== "stale") {
    throw new GraftError("usage", `--consistency ${JSON.stringify(consistency)}: linearizable or stale`);
  }
  if (maxStaleness === undefined) return { consistency };
  if (consistency !== "stale") throw new GraftError("usage", "--max-staleness goes with --consistency stale");
  return { consistency, maxStalenessMs: parseDurationMs("--max-staleness", maxStaleness) };
}

function formOf({ hex, base64 }: ExecuteArguments): BytesForm {
  if (hex === true && base64 === true) throw new GraftError("usage", "--hex and --base64 exclude each other");
  return hex === true ? "hex" : base64 === true ? "base64" : "plain";
}
