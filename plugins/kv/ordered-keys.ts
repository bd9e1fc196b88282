// The keys in order, so that a listing costs what it shows and not what there is. Runs of keys instead of one long array:
// to insert into or delete from a run moves at most a run's length, however many keys there are.

const RUN_KEYS_MAX = 512;

/** A set of strings, ordered by UTF-16 code units, as `<` compares them. */
export class OrderedKeys {
  /** Each sorted, none empty, and every key of a run before every key of the next. */
  readonly #runs: string[][] = [];

  /** The key must not be in the set. */
  add(key: string): void {
    // A key before all others goes to the first run, any other to the run that begins before it.
    const nth = Math.max(0, this.#runBegins(key));
    const run = this.#runs[nth];
    if (run === undefined) {
      this.#runs.push([key]);
      return;
    }
    run.splice(firstAtLeast(run, key), 0, key);
    if (run.length > RUN_KEYS_MAX) this.#runs.splice(nth + 1, 0, run.splice(RUN_KEYS_MAX / 2));
  }

  /** The key must be in the set. */
  delete(key: string): void {
    const nth = this.#runBegins(key);
    const run = this.#runs[nth];
    if (run === undefined) return;
    run.splice(firstAtLeast(run, key), 1);
    if (run.length === 0) this.#runs.splice(nth, 1);
  }

  /** The keys from `first` on, `first` included if it is there. */
  *from(first: string): Generator<string> {
    let nth = Math.max(0, this.#runBegins(first));
    let place = firstAtLeast(this.#runs[nth] ?? [], first);
    for (let run = this.#runs[nth]; run !== undefined; run = this.#runs[++nth]) {
      yield* run.slice(place);
      place = 0;
    }
  }

  /** The last run whose first key is at or before `key`; -1 when there is none. */
  #runBegins(key: string): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.[0] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The place of the first key that is not before `key`; the length when all are. */
function firstAtLeast(run: readonly string[], key: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((run[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
