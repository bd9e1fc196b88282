// What does `graft execute` send? INPUT, files and standard input, put together as the state machine takes it: one JSON value
// with bytes in named fields for a typed one, bytes for a raw one.
import { readFile } from "node:fs/promises";
import { isWord, looksLikeJson } from "../client/text-input.ts";
import {
  bytesOfBase64,
  bytesOfHex,
  encodeOperation,
  fromJson,
  type JsonValue,
  type PayloadValue,
} from "../client/typed-payload.ts";
import { GraftError } from "../errors.ts";
import { didYouMean } from "./did-you-mean.ts";

export type BytesForm = "plain" | "hex" | "base64";

/** What was typed, before anything is known of the state machine. */
export interface ExecuteRequest {
  readonly kind: "command" | "query";
  readonly positionals: readonly string[];
  /** Values of --file, `[FIELD=]PATH`. */
  readonly files: readonly string[];
  /** Values of --stdin: a field, or empty for the whole input. */
  readonly stdin: readonly string[];
  /** How bytes are written that are given as text. */
  readonly form: BytesForm;
}

/** As a node describes it. */
interface StateMachine {
  readonly name: string;
  readonly style: "typed" | "raw";
  readonly commands: readonly string[];
  readonly queries: readonly string[];
}

/** A piece of input: of one field, or (null) all of it. */
interface Piece {
  readonly field: string | null;
  readonly flag: string;
  readonly read: () => Promise<Uint8Array>;
}

/** The bytes to send. Throws `GraftError("usage")` when they cannot be made of what was typed. */
export async function payloadOf(request: ExecuteRequest, machine: StateMachine): Promise<Uint8Array> {
  return machine.style === "raw" ? rawPayload(request, machine) : typedPayload(request, machine);
}

async function typedPayload(request: ExecuteRequest, machine: StateMachine): Promise<Uint8Array> {
  const pieces = piecesOf(request);
  const { operation, text, parse } = meant(request, machine, pieces.length > 0);
  const whole = pieces.filter(({ field }) => field === null);
  const fields = pieces.filter(({ field }) => field !== null);
  if (whole.length + (text === undefined ? 0 : 1) > 1) throw usage("the input is given more than once");
  const [only] = whole;
  const base = only === undefined ? parse("INPUT", text ?? "{}") : parse(only.flag, await textIn(only));
  if (fields.length === 0) return encodeOperation(operation, base);
  if (!isObject(base)) throw usage(`${fields[0]?.flag} FIELD= needs INPUT to be a JSON object, or to be left out`);
  const input: Record<string, PayloadValue> = { ...base };
  for (const { field, flag, read } of fields) {
    if (field === null) continue;
    if (Object.hasOwn(input, field)) throw usage(`${flag}: the field ${JSON.stringify(field)} is given twice`);
    input[field] = decodeForm(await read(), request.form);
  }
  return encodeOperation(operation, input);
}

interface Meant {
  readonly operation: string;
  /** What was typed as INPUT. */
  readonly text: string | undefined;
  readonly parse: (what: string, text: string) => PayloadValue;
}

/** Where there is one operation only, its name may be left out. Then an input that is not JSON is a text, such as a statement of SQL. */
function meant({ kind, positionals }: ExecuteRequest, machine: StateMachine, hasPieces: boolean): Meant {
  const known = kind === "command" ? machine.commands : machine.queries;
  const [only, ...others] = known;
  const [first, ...more] = positionals;
  // A single word is the name of an operation, if a mistyped one.
  const isInput = first === undefined ? hasPieces : more.length === 0 && !isWord(first);
  if (only !== undefined && others.length === 0 && isInput) return { operation: only, text: first, parse: jsonOrText };
  checkOperation(first, known, kind, machine);
  return { operation: first, text: more[0], parse: jsonInput };
}

async function rawPayload(request: ExecuteRequest, machine: StateMachine): Promise<Uint8Array> {
  const pieces = piecesOf(request);
  const given = request.positionals.length + pieces.length;
  const how = `${machine.name} has no named operations: it takes its input as it is`;
  if (request.positionals.length > 1) throw usage(`${how}; quote INPUT so that it is one argument`);
  if (given > 1) throw usage(`${how}; give INPUT, --file PATH or --stdin, and only one of them`);
  // A question may go without saying; a command may not.
  if (given === 0 && request.kind === "command") throw usage(`${how}; give INPUT, --file PATH or --stdin`);
  const [piece] = pieces;
  if (piece === undefined) return decodeForm(Buffer.from(request.positionals[0] ?? ""), request.form);
  if (piece.field !== null) throw usage(`${piece.flag} ${piece.field}: ${how}, and there are no fields`);
  return decodeForm(await piece.read(), request.form);
}

function checkOperation(
  operation: string | undefined,
  known: readonly string[],
  kind: string,
  machine: StateMachine,
): asserts operation is string {
  const there = `${machine.name} has: ${known.join(", ") || "none"}`;
  if (operation === undefined) throw usage(`which ${kind}? ${there}`);
  if (known.includes(operation)) return;
  const others = kind === "command" ? machine.queries : machine.commands;
  const other = kind === "command" ? "query" : "command";
  if (others.includes(operation)) throw usage(`${operation} is a ${other}: graft execute ${other} ${operation} …`);
  const shown = operation.length > 60 ? `${operation.slice(0, 60)}…` : operation;
  throw usage(`${machine.name} has no ${kind} ${JSON.stringify(shown)}${didYouMean(operation, known)}; ${there}`);
}

function piecesOf({ files, stdin }: ExecuteRequest): readonly Piece[] {
  return [
    ...files.map((given): Piece => {
      const [, field = null, path = given] = /^([A-Za-z_][A-Za-z0-9_-]*)=(.+)$/s.exec(given) ?? [];
      return { field, flag: "--file", read: () => readFileOf(path) };
    }),
    ...stdin.map((field): Piece => ({ field: field === "" ? null : field, flag: "--stdin", read: readStdin })),
  ];
}

function readFileOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new GraftError("usage", `--file: cannot read ${path} (${code})`, { cause });
  });
}

const readStdin = (): Promise<Uint8Array> => Bun.stdin.bytes();

/** Another encoding would be sent with other characters in it. */
async function textIn({ flag, read }: Piece): Promise<string> {
  const bytes = await read();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GraftError("usage", `${flag}: the input is not UTF-8, and nothing was sent; convert it first`, { cause });
  }
}

const jsonOrText = (what: string, text: string): PayloadValue => (looksLikeJson(text) ? jsonInput(what, text) : text);

function jsonInput(what: string, text: string): PayloadValue {
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(text) as JsonValue;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GraftError("usage", `${what} is not JSON (${reason}); for instance '{"key":"a"}', in single quotes`, {
      cause,
    });
  }
  return fromJson(parsed);
}

/** Text in hex or base64 may be broken into lines and end in one. */
function decodeForm(bytes: Uint8Array, form: BytesForm): Uint8Array {
  if (form === "plain") return bytes;
  const text = new TextDecoder().decode(bytes).replace(/\s/g, "");
  return form === "hex" ? bytesOfHex(text) : bytesOfBase64(text);
}

const isObject = (value: PayloadValue): value is { readonly [key: string]: PayloadValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const usage = (message: string): GraftError => new GraftError("usage", message);
