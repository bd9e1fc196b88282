// How much of a run's outcomes lies together? They leave in pieces, so that results that are many times as large as the run
// are never in memory as a whole; and no piece leaves while those before it, not yet taken, weigh too much.
import type { Outcome } from "../../ports/state-machine.ts";

/** Bytes of a piece, unless a single outcome is larger. */
export const pieceBytesMax = 4 * 1024 * 1024;

/** Gathers the outcomes of a run, and lets a piece go as soon as the next outcome would make it too large. */
export class OutcomePieces {
  readonly #go: (outcomes: readonly Outcome[], isLast: boolean) => void;
  #gathered: Outcome[] = [];
  #gatheredBytes = 0;

  constructor(go: (outcomes: readonly Outcome[], isLast: boolean) => void) {
    this.#go = go;
  }

  add(outcome: Outcome): void {
    const bytes = outcomeBytes(outcome);
    if (this.#gathered.length > 0 && this.#gatheredBytes + bytes > pieceBytesMax) this.#flush(false);
    this.#gathered.push(outcome);
    this.#gatheredBytes += bytes;
  }

  end(): void {
    this.#flush(true);
  }

  #flush(isLast: boolean): void {
    const outcomes = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#go(outcomes, isLast);
  }
}

/** What it takes at the most. */
export function outcomeBytes(outcome: Outcome): number {
  if (outcome.kind === "ok") return outcome.payload.byteLength;
  // A text of n UTF-16 code units takes up to 3n bytes.
  return "message" in outcome ? outcome.message.length * 3 : 0;
}

/** The worker goes no further while this much has been sent and not been taken: what the node takes in one turn, about. */
const untakenBytesMax = 3 * pieceBytesMax;
/** The host says of larger pieces that it has taken them. Of smaller ones, the calls that may be under way are the bound. */
const unsaidBytesMax = 64 * 1024;

export const isTakingTold = (pieceBytes: number): boolean => pieceBytes > unsaidBytesMax;

/** What the worker has sent and the host has not yet taken. */
export class Untaken {
  #bytes = 0;

  get isTooMuch(): boolean {
    return this.#bytes >= untakenBytesMax;
  }

  onSent(pieceBytes: number): void {
    if (isTakingTold(pieceBytes)) this.#bytes += pieceBytes;
  }

  onTaken(pieceBytes: number): void {
    this.#bytes -= pieceBytes;
  }
}
