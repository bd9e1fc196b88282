// The keys in order, so that a listing costs what it shows and not what there is. Runs of keys instead of one long array:
// to insert into or delete from a run moves at most a run's length, however many keys there are.

const RUN_KEYS_MAX = 512;

interface Run {
  /** Sorted, not empty. */
  readonly keys: string[];
  /** How many snapshots there were when it was made: one that is older belongs to a snapshot, and is copied before it changes. */
  readonly snapshotsBefore: number;
}

/** A set of strings, ordered by UTF-16 code units, as `<` compares them. */
export class OrderedKeys {
  /** Every key of a run before every key of the next. */
  readonly #runs: Run[] = [];
  #snapshots = 0;

  /** The key must not be in the set. Keys that come in order are quickest. */
  add(key: string): void {
    if (this.#isLast(key)) return this.#append(key);
    // A key before all others goes to the first run, any other to the run that begins before it.
    const nth = Math.max(0, this.#runBegins(key));
    const keys = this.#own(nth);
    keys.splice(firstAtLeast(keys, key), 0, key);
    if (keys.length > RUN_KEYS_MAX) this.#runs.splice(nth + 1, 0, this.#run(keys.splice(RUN_KEYS_MAX / 2)));
  }

  /** The key must be in the set. */
  delete(key: string): void {
    const nth = this.#runBegins(key);
    if (nth < 0) return;
    const keys = this.#own(nth);
    keys.splice(firstAtLeast(keys, key), 1);
    if (keys.length === 0) this.#runs.splice(nth, 1);
  }

  /** The keys from `first` on, `first` included if it is there. */
  *from(first: string): Generator<string> {
    let nth = Math.max(0, this.#runBegins(first));
    let place = firstAtLeast(this.#runs[nth]?.keys ?? [], first);
    for (let run = this.#runs[nth]; run !== undefined; run = this.#runs[++nth]) {
      yield* run.keys.slice(place);
      place = 0;
    }
  }

  /** All keys as they are now, in order, whatever is added and deleted from here on. Takes no more time than there are runs. */
  snapshot(): Generator<string> {
    this.#snapshots++;
    return keysOf([...this.#runs]);
  }

  #isLast(key: string): boolean {
    const last = this.#runs.at(-1)?.keys.at(-1);
    return last === undefined || last < key;
  }

  /** Full runs are left full: what is restored takes the least memory. */
  #append(key: string): void {
    const last = this.#runs.length - 1;
    if (last < 0 || this.#runs[last]!.keys.length === RUN_KEYS_MAX) this.#runs.push(this.#run([key]));
    else this.#own(last).push(key);
  }

  /** The keys of a run, to be changed: no snapshot has them. */
  #own(nth: number): string[] {
    const run = this.#runs[nth]!;
    if (run.snapshotsBefore === this.#snapshots) return run.keys;
    const own = this.#run([...run.keys]);
    this.#runs[nth] = own;
    return own.keys;
  }

  #run(keys: string[]): Run {
    return { keys, snapshotsBefore: this.#snapshots };
  }

  /** The last run whose first key is at or before `key`; -1 when there is none. */
  #runBegins(key: string): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.keys[0] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function* keysOf(runs: readonly Run[]): Generator<string> {
  for (const { keys } of runs) yield* keys;
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
