// What happens next? Simulated time jumps from one planned action to the next; actions planned for the same moment
// happen in the order in which they were planned.

interface Planned {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

const isBefore = (a: Planned, b: Planned): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

export class Schedule {
  #nowMs = 0;
  #planned = 0;
  /** A binary heap: no parent is later than its children. */
  readonly #heap: Planned[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.#nowMs + delayMs, action);
  }

  at(dueMs: number, action: () => void): void {
    const item = { dueMs: Math.max(dueMs, this.#nowMs), order: this.#planned++, action };
    let place = this.#heap.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above]!;
      if (!isBefore(item, parent)) break;
      this.#heap[place] = parent;
      place = above;
    }
    this.#heap[place] = item;
  }

  /** Does what is due next; false when nothing is planned any more. */
  runNext(): boolean {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return false;
    if (this.#heap.length > 0) this.#sink(last);
    this.#nowMs = first.dueMs;
    first.action();
    return true;
  }

  #sink(item: Planned): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, item)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = item;
  }
}
