// How a run or a slice of queries crosses to the worker and its outcomes come back: as one buffer that changes hands, where a clone of as many
// objects would cost several times more. First a table of 64-bit floats (every number of the port fits one exactly), then
// the bytes, end to end. Both sides are of one build: nothing is checked, nothing is stored.
//
//   to the worker    [kind, count, (index, term, timeMs, length, flags, kind, session, sequence, answeredBelow, name) × count]
//                    each payload (of an activation in JSON), and behind it the client's name. `name` is the length of that name. -1 means the previous
//                    entry's name, which is not repeated. The last four are the command's stamp, or 0, or what an entry says
//                    of its session
//                    [kind, count, length × count] payloads of queries
//   from the worker  [isLast, count, wakeAtMs or -1, (kind, length) × count]          payloads, or messages in UTF-8; "full" in JSON
//                    [count, (kind, length, elapsedMs) × count] payloads, messages, or a failure's message and stack in JSON
//
// Outcomes come in as many pieces as it takes to keep each small (outcome-pieces.ts).
import type { PluginVersion } from "../../core/activation.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import type { Answer, AppliedEntry, Outcome } from "../../ports/state-machine.ts";
import type { Told } from "./worker-messages.ts";

const FLOAT_BYTES = 8;
const REQUEST_HEAD = 2;
const ENTRY_FIELDS = 10;
const REPLY_HEAD = 3;
const OUTCOME_FIELDS = 2;
const ANSWERS_HEAD = 1;
const ANSWER_FIELDS = 3;

/** In the place of a name's length. Before the first entry the name is empty. */
const SAME_NAME = -1;
const KIND_APPLY = 0;
const KIND_QUERY = 1;
const KIND_COMMAND = 0;
const KIND_OPEN_SESSION = 1;
const KIND_CLOSE_SESSION = 2;
const KIND_ACTIVATE = 3;
const KIND_TICK = 4;
/** Added up. */
const AWAITED = 1;
const SKIPPED = 2;
/** In the place of a time to be woken. */
const NO_TIME = -1;
/** Each at its number. */
const OUTCOME_KINDS = [
  "ok",
  "rejected",
  "expired",
  "forgotten",
  "unsendable",
  "full",
] as const satisfies readonly Outcome["kind"][];
const ANSWER_KINDS = ["ok", "rejected", "failed"] as const satisfies readonly Answer["outcome"]["kind"][];

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export type UnpackedRequest =
  | { readonly kind: "apply"; readonly run: readonly AppliedEntry[] }
  | { readonly kind: "query"; readonly slice: readonly Uint8Array[] };

/** An answer as the worker gives it: an error cannot cross as it is. */
export interface PackedAnswer {
  readonly outcome: Exclude<Answer["outcome"], { kind: "failed" }> | ({ readonly kind: "failed" } & Told);
  readonly elapsedMs: number;
}

export function packRun(run: readonly AppliedEntry[]): ArrayBuffer {
  let payloadBytes = 0;
  for (const entry of run) payloadBytes += payloadOf(entry).byteLength;
  payloadBytes += namesLength(run);
  const tableLength = REQUEST_HEAD + run.length * ENTRY_FIELDS;
  const { buffer, table, bytes } = allocate(tableLength, payloadBytes);
  table[0] = KIND_APPLY;
  table[1] = run.length;
  let field = REQUEST_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  let nameBefore = "";
  for (const entry of run) {
    table[field] = entry.index;
    table[field + 1] = entry.term;
    table[field + 2] = entry.timeMs;
    table[field + 4] = (entry.isAwaited ? AWAITED : 0) + (entry.isSkipped === true ? SKIPPED : 0);
    const payload = payloadOf(entry);
    table[field + 3] = payload.byteLength;
    bytes.set(payload, offset);
    offset += payload.byteLength;
    packSession(table, field + 5, entry);
    const client = clientOf(entry);
    if (client === nameBefore) table[field + 9] = SAME_NAME;
    else {
      table[field + 9] = client.length;
      bytes.write(client, offset, "latin1");
      offset += client.length;
      nameBefore = client;
    }
    field += ENTRY_FIELDS;
  }
  return buffer;
}

function payloadOf(entry: AppliedEntry): Uint8Array {
  if (entry.kind === "command") return entry.payload;
  return entry.kind === "activate" ? utf8.encode(JSON.stringify(entry.plugin)) : nothing;
}

/** Names are ASCII: as many bytes as characters. */
function clientOf(entry: AppliedEntry): string {
  if (entry.kind === "activate" || entry.kind === "tick") return "";
  return entry.kind === "command" ? (entry.session?.client ?? "") : entry.client;
}

/** Bytes of all names. A name that equals the previous entry's name is not written. */
function namesLength(run: readonly AppliedEntry[]): number {
  let length = 0;
  let before = "";
  for (const entry of run) {
    const client = clientOf(entry);
    if (client !== before) length += client.length;
    before = client;
  }
  return length;
}

/** The table begins with zeros. */
function packSession(table: Float64Array, field: number, entry: AppliedEntry): void {
  switch (entry.kind) {
    case "command":
      table[field] = KIND_COMMAND;
      if (entry.session === null) return;
      table[field + 1] = entry.session.id;
      table[field + 2] = entry.session.sequence;
      table[field + 3] = entry.session.answeredBelow;
      return;
    case "openSession":
      table[field] = KIND_OPEN_SESSION;
      table[field + 1] = entry.timeoutMs;
      table[field + 2] = entry.isAdmin ? 1 : 0;
      return;
    case "closeSession":
      table[field] = KIND_CLOSE_SESSION;
      table[field + 1] = entry.session;
      return;
    case "activate":
      table[field] = KIND_ACTIVATE;
      return;
    case "tick":
      table[field] = KIND_TICK;
  }
}

export function packQueries(slice: readonly Uint8Array[]): ArrayBuffer {
  let payloadBytes = 0;
  for (const payload of slice) payloadBytes += payload.byteLength;
  const tableLength = REQUEST_HEAD + slice.length;
  const { buffer, table, bytes } = allocate(tableLength, payloadBytes);
  table[0] = KIND_QUERY;
  table[1] = slice.length;
  let field = REQUEST_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  for (const payload of slice) {
    table[field++] = payload.byteLength;
    bytes.set(payload, offset);
    offset += payload.byteLength;
  }
  return buffer;
}

/** The payloads are views into `buffer`. */
export function unpackRequest(buffer: ArrayBuffer): UnpackedRequest {
  const [kind, count] = new Float64Array(buffer, 0, REQUEST_HEAD) as unknown as readonly [number, number];
  if (kind === KIND_QUERY) return { kind: "query", slice: unpackQueries(buffer, count) };
  const tableLength = REQUEST_HEAD + count * ENTRY_FIELDS;
  const table = new Float64Array(buffer, 0, tableLength);
  const bytes = Buffer.from(buffer);
  const run: AppliedEntry[] = [];
  let name = "";
  let offset = tableLength * FLOAT_BYTES;
  for (let field = REQUEST_HEAD; field < tableLength; field += ENTRY_FIELDS) {
    const payload = new Uint8Array(buffer, offset, at(table, field + 3));
    offset += payload.byteLength;
    const nameLength = at(table, field + 9);
    if (nameLength !== SAME_NAME) {
      name = bytes.toString("latin1", offset, offset + nameLength);
      offset += nameLength;
    }
    run.push(entryAt(table, field, payload, name));
  }
  return { kind: "apply", run };
}

function unpackQueries(buffer: ArrayBuffer, count: number): readonly Uint8Array[] {
  const tableLength = REQUEST_HEAD + count;
  const table = new Float64Array(buffer, 0, tableLength);
  const slice: Uint8Array[] = [];
  let offset = tableLength * FLOAT_BYTES;
  for (let field = REQUEST_HEAD; field < tableLength; field++) {
    const payload = new Uint8Array(buffer, offset, at(table, field));
    slice.push(payload);
    offset += payload.byteLength;
  }
  return slice;
}

function entryAt(table: Float64Array, field: number, payload: Uint8Array, client: string): AppliedEntry {
  const flags = at(table, field + 4);
  const committed = {
    index: at(table, field),
    term: at(table, field + 1),
    timeMs: at(table, field + 2),
    isAwaited: (flags & AWAITED) !== 0,
    ...((flags & SKIPPED) === 0 ? {} : { isSkipped: true }),
  };
  const id = at(table, field + 6);
  switch (at(table, field + 5)) {
    case KIND_OPEN_SESSION:
      return { kind: "openSession", ...committed, client, isAdmin: at(table, field + 7) === 1, timeoutMs: id };
    case KIND_CLOSE_SESSION:
      return { kind: "closeSession", ...committed, client, session: id };
    case KIND_TICK:
      return { kind: "tick", ...committed };
    case KIND_ACTIVATE:
      return { kind: "activate", ...committed, plugin: JSON.parse(fromUtf8.decode(payload)) as PluginVersion };
    default: {
      const [sequence, answeredBelow] = [at(table, field + 7), at(table, field + 8)];
      const session = id === 0 ? null : { id, sequence, answeredBelow, client };
      return { kind: "command", ...committed, payload, session };
    }
  }
}

const nothing = new Uint8Array();

function bodyOf(outcome: Outcome): Uint8Array {
  if (outcome.kind === "ok") return outcome.payload;
  if (outcome.kind === "full") return utf8.encode(JSON.stringify(outcome));
  return "message" in outcome ? utf8.encode(outcome.message) : nothing;
}

/** @param wakeAtMs after the run, for its last piece */
export function packOutcomes(outcomes: readonly Outcome[], isLast: boolean, wakeAtMs: WakeTime): ArrayBuffer {
  const bodies = outcomes.map(bodyOf);
  let bodyBytes = 0;
  for (const body of bodies) bodyBytes += body.byteLength;
  const tableLength = REPLY_HEAD + outcomes.length * OUTCOME_FIELDS;
  const { buffer, table, bytes } = allocate(tableLength, bodyBytes);
  table[0] = isLast ? 1 : 0;
  table[1] = outcomes.length;
  table[2] = wakeAtMs ?? NO_TIME;
  let field = REPLY_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  outcomes.forEach((outcome, nth) => {
    const body = bodies[nth] ?? nothing;
    table[field++] = OUTCOME_KINDS.indexOf(outcome.kind);
    table[field++] = body.byteLength;
    bytes.set(body, offset);
    offset += body.byteLength;
  });
  return buffer;
}

export function packAnswers(answers: readonly PackedAnswer[]): ArrayBuffer {
  const bodies = answers.map(({ outcome }) => (outcome.kind === "failed" ? failureBody(outcome) : bodyOf(outcome)));
  let bodyBytes = 0;
  for (const body of bodies) bodyBytes += body.byteLength;
  const tableLength = ANSWERS_HEAD + answers.length * ANSWER_FIELDS;
  const { buffer, table, bytes } = allocate(tableLength, bodyBytes);
  table[0] = answers.length;
  let field = ANSWERS_HEAD;
  let offset = tableLength * FLOAT_BYTES;
  answers.forEach(({ outcome, elapsedMs }, nth) => {
    const body = bodies[nth] ?? nothing;
    table[field++] = ANSWER_KINDS.indexOf(outcome.kind);
    table[field++] = body.byteLength;
    table[field++] = elapsedMs;
    bytes.set(body, offset);
    offset += body.byteLength;
  });
  return buffer;
}

const failureBody = ({ message, stack }: Told): Uint8Array => utf8.encode(JSON.stringify({ message, stack }));

/** The payloads are views into `buffer`. */
export function unpackAnswers(buffer: ArrayBuffer): readonly PackedAnswer[] {
  const [count] = new Float64Array(buffer, 0, ANSWERS_HEAD) as unknown as readonly [number];
  const tableLength = ANSWERS_HEAD + count * ANSWER_FIELDS;
  const table = new Float64Array(buffer, 0, tableLength);
  const answers: PackedAnswer[] = [];
  let offset = tableLength * FLOAT_BYTES;
  for (let field = ANSWERS_HEAD; field < tableLength; field += ANSWER_FIELDS) {
    const body = new Uint8Array(buffer, offset, at(table, field + 1));
    answers.push({ outcome: answerOf(ANSWER_KINDS[at(table, field)], body), elapsedMs: at(table, field + 2) });
    offset += body.byteLength;
  }
  return answers;
}

function answerOf(kind: (typeof ANSWER_KINDS)[number] | undefined, body: Uint8Array): PackedAnswer["outcome"] {
  switch (kind) {
    case "ok":
      return { kind, payload: body };
    case "rejected":
      return { kind, message: fromUtf8.decode(body) };
    case "failed":
      return { kind, ...(JSON.parse(fromUtf8.decode(body)) as Told) };
    case undefined:
      throw new RangeError("an answer of no kind");
  }
}

export interface Piece {
  readonly outcomes: readonly Outcome[];
  /** Whether the run is through. */
  readonly isLast: boolean;
  /** Of the last piece. */
  readonly wakeAtMs: WakeTime;
}

/** The payloads are views into `buffer`: who keeps one for long copies it, or keeps the whole piece's. */
export function unpackOutcomes(buffer: ArrayBuffer): Piece {
  const head = new Float64Array(buffer, 0, REPLY_HEAD) as unknown as readonly [number, number, number];
  const [isLast, count, wakeAtMs] = head;
  const tableLength = REPLY_HEAD + count * OUTCOME_FIELDS;
  const table = new Float64Array(buffer, 0, tableLength);
  const outcomes: Outcome[] = [];
  let offset = tableLength * FLOAT_BYTES;
  for (let field = REPLY_HEAD; field < tableLength; field += OUTCOME_FIELDS) {
    const body = new Uint8Array(buffer, offset, at(table, field + 1));
    outcomes.push(outcomeOf(OUTCOME_KINDS[at(table, field)], body));
    offset += body.byteLength;
  }
  return { outcomes, isLast: isLast === 1, wakeAtMs: wakeAtMs === NO_TIME ? null : wakeAtMs };
}

function outcomeOf(kind: Outcome["kind"] | undefined, body: Uint8Array): Outcome {
  switch (kind) {
    case "ok":
      return { kind, payload: body };
    case "rejected":
    case "unsendable":
      return { kind, message: fromUtf8.decode(body) };
    case "full":
      return JSON.parse(fromUtf8.decode(body)) as Outcome;
    case "expired":
    case "forgotten":
      return { kind };
    case undefined:
      throw new RangeError("an outcome of no kind");
  }
}

function allocate(
  tableLength: number,
  bodyBytes: number,
): { readonly buffer: ArrayBuffer; readonly table: Float64Array; readonly bytes: Buffer } {
  const tableBytes = tableLength * FLOAT_BYTES;
  const buffer = new ArrayBuffer(tableBytes + bodyBytes);
  return { buffer, table: new Float64Array(buffer, 0, tableLength), bytes: Buffer.from(buffer) };
}

function at(table: Float64Array, place: number): number {
  const value = table[place];
  if (value === undefined) throw new RangeError(`a packed run has no place ${place}`);
  return value;
}
