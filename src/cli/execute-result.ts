// How is the result of `graft execute` shown? As JSON for scripts, as what it is for people, as bytes where bytes are wanted.
import { writeFile } from "node:fs/promises";
import { decodeResult, type PayloadValue, textOf, toJson } from "../client/typed-payload.ts";
import type { Result } from "../client/client.ts";
import { GraftError } from "../errors.ts";
import type { BytesForm } from "./execute-input.ts";
import { Failure } from "./explain-error.ts";
import type { Output } from "./output.ts";

export interface ResultOptions {
  readonly kind: "command" | "query";
  readonly style: "typed" | "raw";
  /** Where the result's bytes are written, instead of being shown. */
  readonly out: string | undefined;
  /** How bytes are shown to people. */
  readonly form: BytesForm;
  /** A stale read: it is said how old the state was. */
  readonly isStale: boolean;
}

/** Throws `Failure` when --out has nothing to write. */
export async function showResult(
  { payload, index, term, stalenessMs }: Result,
  options: ResultOptions,
  output: Output,
): Promise<void> {
  const where = options.isStale ? { index, term, stalenessMs } : { index, term };
  const value = options.style === "raw" ? payload : decodeResult(payload, options.kind);
  if (options.out !== undefined) {
    const bytes = bytesToWrite(value, options, index);
    await writeOut(options.out, bytes, options, index);
    const written = { out: options.out, bytes: bytes.byteLength };
    return output.answer({ result: written, ...where }, () => `${bytes.byteLength} bytes written to ${options.out}`);
  }
  if (output.json) return output.answer({ result: toJson(value), ...where }, () => "");
  if (options.isStale) await output.say(howOld(stalenessMs));
  if (value instanceof Uint8Array) return showBytes(value, options.form, output);
  if (typeof value === "string") return output.line(value);
  return output.line(JSON.stringify(toJson(value), null, output.onTerminal ? 2 : 0));
}

const howOld = (stalenessMs: number | null): string =>
  stalenessMs === null
    ? "read from a node that does not know how old its state is"
    : `read from a state that was at most ${stalenessMs} ms old`;

/** To a pipe or a file bytes go as they are; a terminal gets what it can show. */
function showBytes(bytes: Uint8Array, form: BytesForm, output: Output): Promise<void> {
  if (form !== "plain") return output.line(Buffer.from(bytes).toString(form));
  if (!output.onTerminal) return output.bytes(bytes);
  const text = textOf(bytes);
  const isShowable = text !== null && !/[\p{Cc}\p{Cf}]/u.test(text.replace(/[\n\t]/g, ""));
  if (isShowable) return output.line(text);
  return output.line(`${bytes.byteLength} bytes of binary data; use --out PATH, --hex or --base64`);
}

function bytesToWrite(value: PayloadValue, { kind }: ResultOptions, index: number): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return new TextEncoder().encode(value);
  const what = value === null ? "null" : `no bytes but ${JSON.stringify(toJson(value)).slice(0, 200)}`;
  throw nothingWritten(`--out was not written: the result is ${what}`, kind, index);
}

async function writeOut(path: string, bytes: Uint8Array, { kind }: ResultOptions, index: number): Promise<void> {
  await writeFile(path, bytes).catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw nothingWritten(`cannot write ${path} (${code})`, kind, index);
  });
}

function nothingWritten(message: string, kind: "command" | "query", index: number): Failure {
  return new Failure(new GraftError("result-lost", `${message}, at index ${index}`, { subject: kind }), null, {
    index,
  });
}
