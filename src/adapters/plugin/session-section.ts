// How the table of the clients' sessions stands in a snapshot: in pieces, each a CBOR array, so that neither many sessions nor
// large outcomes are ever encoded in one go. Equal tables have equal bytes.
//
//   [stampMs], then of each session  [id, client, isAdmin, timeoutMs, activeMs, answeredBelow, refusedThrough],
//              and after it of each outcome  [sequence, digest, kind, bytes]
import type { KeptOutcome, SessionImage, SessionOutcome, SessionsImage } from "../../core/sessions.ts";
import { type CborValue, decodeValue, encodeValue } from "../cbor/value.ts";

/** A kind is written as its number here. */
const outcomeKinds = ["ok", "rejected", "unsendable"] as const satisfies readonly SessionOutcome["kind"][];

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export function* sessionPieces({ stampMs, sessions }: SessionsImage): Generator<Uint8Array, void> {
  yield stampPiece(stampMs);
  for (const session of sessions) yield* piecesOfSession(session);
}

export const stampPiece = (stampMs: number): Uint8Array => encodeValue([stampMs]);

export function* piecesOfSession(session: SessionImage): Generator<Uint8Array, void> {
  const { id, client, isAdmin, timeoutMs, activeMs, answeredBelow, refusedThrough, outcomes } = session;
  yield encodeValue([id, client, isAdmin, timeoutMs, activeMs, answeredBelow, refusedThrough]);
  for (const { sequence, digest, outcome } of outcomes) {
    const bytes = outcome.kind === "ok" ? outcome.payload : utf8.encode(outcome.message);
    yield encodeValue([sequence, digest, outcomeKinds.indexOf(outcome.kind), bytes]);
  }
}

type Building = SessionImage & { readonly outcomes: KeptOutcome[] };

/** Takes the pieces in their order. Throws `RangeError` for what `sessionPieces` does not write. */
export class SessionPiecesReader {
  #stampMs: number | null = null;
  readonly #sessions: Building[] = [];

  take(piece: Uint8Array): void {
    const fields = decodeValue(piece);
    if (!Array.isArray(fields)) throw notOfTheTable();
    if (this.#stampMs === null) this.#stampMs = count(fields, 0, 1);
    else if (fields.length === 7) this.#begin(fields);
    else this.#outcome(fields);
  }

  /** Nothing more comes. */
  end(): SessionsImage {
    if (this.#stampMs === null) throw notOfTheTable();
    return { stampMs: this.#stampMs, sessions: this.#sessions };
  }

  #begin(fields: readonly CborValue[]): void {
    const [id, client, isAdmin] = [count(fields, 0, 7), fields[1], fields[2]];
    if (id <= (this.#sessions.at(-1)?.id ?? 0)) throw notOfTheTable();
    if (typeof client !== "string" || typeof isAdmin !== "boolean") throw notOfTheTable();
    this.#sessions.push({
      id,
      client,
      isAdmin,
      timeoutMs: count(fields, 3, 7),
      activeMs: count(fields, 4, 7),
      answeredBelow: count(fields, 5, 7),
      refusedThrough: count(fields, 6, 7),
      outcomes: [],
    });
  }

  #outcome(fields: readonly CborValue[]): void {
    const session = this.#sessions.at(-1);
    const [sequence, digest] = [count(fields, 0, 4), count(fields, 1, 4)];
    const kind = outcomeKinds[count(fields, 2, 4)];
    const [, , , bytes] = fields;
    if (session === undefined || kind === undefined || !(bytes instanceof Uint8Array)) throw notOfTheTable();
    const outcome: SessionOutcome =
      kind === "ok" ? { kind, payload: bytes } : { kind, message: fromUtf8.decode(bytes) };
    session.outcomes.push({ sequence, digest, outcome });
  }
}

function count(fields: readonly CborValue[], at: number, length: number): number {
  const value = fields[at];
  if (fields.length !== length || typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw notOfTheTable();
  }
  return value;
}

const notOfTheTable = (): RangeError => new RangeError("its table of the clients' sessions is not what was written");
