// How much does one turn of the loop read from clients? Large requests arrive over many connections at once, and to read all that
// is there would make the node's own heartbeats wait. Beyond the bound nobody is read from until the next turn; then whoever
// has waited longest comes first, so that the bound starves nobody.
import type { Link } from "./link.ts";

/** The part of a link that is used here. */
type Source = Pick<Link, "bytesReceived" | "pause" | "resume">;

export class ReadTurns {
  readonly #bytesMax: number;
  readonly #soon: (callback: () => void) => void;
  /** How much has been read from each; who was read last comes last. */
  readonly #links = new Map<Source, number>();
  #bytes = 0;
  #isTurnAwaited = false;
  #isPaused = false;

  /** `soon` calls back after the input and output that is ready now has been handled. */
  constructor(bytesMax: number, soon: (callback: () => void) => void) {
    this.#bytesMax = bytesMax;
    this.#soon = soon;
  }

  add(link: Source): void {
    this.#links.set(link, link.bytesReceived);
    if (this.#isPaused) link.pause();
  }

  remove(link: Source): void {
    this.#links.delete(link);
  }

  /** Something has come from it, how much it tells itself. */
  onRead(link: Source): void {
    const before = this.#links.get(link);
    if (before === undefined || before === link.bytesReceived) return;
    this.#links.delete(link);
    this.#links.set(link, link.bytesReceived);
    this.#bytes += link.bytesReceived - before;
    this.#awaitTurn();
    if (this.#isPaused || this.#bytes < this.#bytesMax) return;
    this.#isPaused = true;
    for (const each of this.#links.keys()) each.pause();
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#soon(() => {
      this.#isTurnAwaited = false;
      this.#bytes = 0;
      if (!this.#isPaused) return;
      this.#isPaused = false;
      // The system tells of those first that it was asked about first.
      for (const link of this.#links.keys()) link.resume();
    });
  }
}
