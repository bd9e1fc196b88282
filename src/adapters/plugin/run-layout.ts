// How a run crosses to the worker and its outcomes come back: as one buffer that changes hands, where a clone of as many
// objects would cost several times more. First a table of 64-bit floats (every number of the port fits one exactly), then
// the bytes, end to end. Both sides are of one build: nothing is checked, nothing is stored.
//
//   to the worker    [kind, count, (index, term, timeMs, length, isAwaited) × count]  payloads
//   from the worker  [isLast, count, (kind, length) × count]                          payloads, or messages in UTF-8
//
// Outcomes come in as many pieces as it takes to keep each small: one buffer for all would double the memory of a run's results.
import type { AppliedCommand, Outcome } from "../../ports/state-machine.ts";

const FLOAT_BYTES = 8;
const REQUEST_HEAD = 2;
const COMMAND_FIELDS = 5;
const REPLY_HEAD = 2;
const OUTCOME_FIELDS = 2;

const KIND_APPLY = 0;
const KIND_QUERY = 1;
const KIND_OK = 0;
const KIND_REJECTED = 1;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export type UnpackedRequest =
  | { readonly kind: "apply"; readonly run: readonly AppliedCommand[] }
  | { readonly kind: "query"; readonly payload: Uint8Array };

export function packRun(run: readonly AppliedCommand[]): ArrayBuffer {
  let payloadBytes = 0;
  for (const command of run) payloadBytes += command.payload.byteLength;
  const tableLength = REQUEST_HEAD + run.length * COMMAND_FIELDS;
  const { buffer, table, bytes } = allocate(tableLength, payloadBytes);
  table[0] = KIND_APPLY;
  table[1] = run.length;
  let field = REQUEST_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  for (const { index, term, timeMs, payload, isAwaited } of run) {
    table[field++] = index;
    table[field++] = term;
    table[field++] = timeMs;
    table[field++] = payload.byteLength;
    table[field++] = isAwaited ? 1 : 0;
    bytes.set(payload, offset);
    offset += payload.byteLength;
  }
  return buffer;
}

export function packQuery(payload: Uint8Array): ArrayBuffer {
  const { buffer, table, bytes } = allocate(REQUEST_HEAD, payload.byteLength);
  table[0] = KIND_QUERY;
  table[1] = 1;
  bytes.set(payload, REQUEST_HEAD * FLOAT_BYTES);
  return buffer;
}

/** The payloads are views into `buffer`. */
export function unpackRequest(buffer: ArrayBuffer): UnpackedRequest {
  const [kind, count] = new Float64Array(buffer, 0, REQUEST_HEAD) as unknown as readonly [number, number];
  if (kind === KIND_QUERY) return { kind: "query", payload: new Uint8Array(buffer, REQUEST_HEAD * FLOAT_BYTES) };
  const tableLength = REQUEST_HEAD + count * COMMAND_FIELDS;
  const table = new Float64Array(buffer, 0, tableLength);
  const run: AppliedCommand[] = [];
  let offset = tableLength * FLOAT_BYTES;
  for (let field = REQUEST_HEAD; field < tableLength; field += COMMAND_FIELDS) {
    const payload = new Uint8Array(buffer, offset, at(table, field + 3));
    run.push({
      index: at(table, field),
      term: at(table, field + 1),
      timeMs: at(table, field + 2),
      payload,
      isAwaited: at(table, field + 4) === 1,
    });
    offset += payload.byteLength;
  }
  return { kind: "apply", run };
}

/** Bytes of a piece, unless a single outcome is larger. */
export const pieceBytesMax = 16 * 1024 * 1024;

/** Gathers the outcomes of a run, and sends a piece as soon as the next outcome would make it too large. */
export class OutcomePieces {
  readonly #send: (piece: ArrayBuffer) => void;
  #gathered: Outcome[] = [];
  #gatheredBytes = 0;

  constructor(send: (piece: ArrayBuffer) => void) {
    this.#send = send;
  }

  add(outcome: Outcome): void {
    // A text of n UTF-16 code units takes up to 3n bytes.
    const outcomeBytes = outcome.kind === "ok" ? outcome.payload.byteLength : outcome.message.length * 3;
    if (this.#gathered.length > 0 && this.#gatheredBytes + outcomeBytes > pieceBytesMax) this.#flush(false);
    this.#gathered.push(outcome);
    this.#gatheredBytes += outcomeBytes;
  }

  end(): void {
    this.#flush(true);
  }

  #flush(isLast: boolean): void {
    const piece = packOutcomes(this.#gathered, isLast);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#send(piece);
  }
}

function packOutcomes(outcomes: readonly Outcome[], isLast: boolean): ArrayBuffer {
  const bodies = outcomes.map((outcome) => (outcome.kind === "ok" ? outcome.payload : utf8.encode(outcome.message)));
  let bodyBytes = 0;
  for (const body of bodies) bodyBytes += body.byteLength;
  const tableLength = REPLY_HEAD + outcomes.length * OUTCOME_FIELDS;
  const { buffer, table, bytes } = allocate(tableLength, bodyBytes);
  table[0] = isLast ? 1 : 0;
  table[1] = outcomes.length;
  let field = REPLY_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  outcomes.forEach((outcome, nth) => {
    const body = bodies[nth] ?? new Uint8Array();
    table[field++] = outcome.kind === "ok" ? KIND_OK : KIND_REJECTED;
    table[field++] = body.byteLength;
    bytes.set(body, offset);
    offset += body.byteLength;
  });
  return buffer;
}

export interface Piece {
  readonly outcomes: readonly Outcome[];
  /** Whether the run is through. */
  readonly isLast: boolean;
}

/** The payloads are views into `buffer`: who keeps one for long copies it, or keeps the whole piece's. */
export function unpackOutcomes(buffer: ArrayBuffer): Piece {
  const [isLast, count] = new Float64Array(buffer, 0, REPLY_HEAD) as unknown as readonly [number, number];
  const tableLength = REPLY_HEAD + count * OUTCOME_FIELDS;
  const table = new Float64Array(buffer, 0, tableLength);
  const outcomes: Outcome[] = [];
  let offset = tableLength * FLOAT_BYTES;
  for (let field = REPLY_HEAD; field < tableLength; field += OUTCOME_FIELDS) {
    const body = new Uint8Array(buffer, offset, at(table, field + 1));
    outcomes.push(
      at(table, field) === KIND_OK
        ? { kind: "ok", payload: body }
        : { kind: "rejected", message: fromUtf8.decode(body) },
    );
    offset += body.byteLength;
  }
  return { outcomes, isLast: isLast === 1 };
}

function allocate(
  tableLength: number,
  bodyBytes: number,
): { readonly buffer: ArrayBuffer; readonly table: Float64Array; readonly bytes: Uint8Array } {
  const tableBytes = tableLength * FLOAT_BYTES;
  const buffer = new ArrayBuffer(tableBytes + bodyBytes);
  return { buffer, table: new Float64Array(buffer, 0, tableLength), bytes: new Uint8Array(buffer) };
}

function at(table: Float64Array, place: number): number {
  const value = table[place];
  if (value === undefined) throw new RangeError(`a packed run has no place ${place}`);
  return value;
}
