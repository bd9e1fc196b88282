// What is the thread of a simulation doing? Code of the plugin that does not return keeps that thread from answering messages. So the thread
// notes what it does in memory that the other thread can read at any time.

const STEPS = 0;
const IS_WORKING = 1;
const IS_IN_PLUGIN = 2;
const SEED = 3;
const LENGTH = 4;
const NUMBERS = 5;

const numberBytes = NUMBERS * Float64Array.BYTES_PER_ELEMENT;
const textBytesMax = 1000;

export interface Whereabout {
  /** Rises while the thread gets on. */
  readonly steps: number;
  /** False while the thread waits for others. */
  readonly isWorking: boolean;
  /** Null: no simulation has begun. */
  readonly seed: number | null;
  /** Whether `work` is under way. Otherwise it was the last. */
  readonly isInPlugin: boolean;
  /** The plugin's work, in words; empty: there was none. */
  readonly work: string;
}

export class Whereabouts {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #text: Uint8Array;
  readonly #encoder = new TextEncoder();

  constructor(shared = new SharedArrayBuffer(numberBytes + textBytesMax)) {
    this.shared = shared;
    this.#numbers = new Float64Array(shared, 0, NUMBERS);
    this.#text = new Uint8Array(shared, numberBytes);
  }

  /** What the thread notes is consistent only when the thread does not get on. */
  look(): Whereabout {
    const [steps, isWorking, isInPlugin, seed, length] = this.#numbers as unknown as readonly number[];
    return {
      steps: steps!,
      isWorking: isWorking === 1,
      seed: seed === 0 ? null : seed! - 1,
      isInPlugin: isInPlugin === 1,
      work: new TextDecoder().decode(this.#text.slice(0, length)),
    };
  }

  beginSeed(seed: number): void {
    this.#numbers[SEED] = seed + 1;
    this.step();
  }

  step(): void {
    this.#numbers[STEPS]! += 1;
  }

  /** From now on the thread is expected to get on, or not. */
  expectSteps(isWorking: boolean): void {
    this.#numbers[IS_WORKING] = isWorking ? 1 : 0;
    this.step();
  }

  /** Code of the plugin runs. `what` says which; null: it goes on with what it did before. */
  during<Result>(what: string | null, work: () => Result): Result {
    this.begin(what);
    try {
      return work();
    } finally {
      this.end();
    }
  }

  begin(what: string | null): void {
    if (what !== null) this.#numbers[LENGTH] = this.#encoder.encodeInto(what, this.#text).written;
    this.#numbers[IS_IN_PLUGIN] = 1;
    this.step();
  }

  end(): void {
    this.#numbers[IS_IN_PLUGIN] = 0;
  }
}
