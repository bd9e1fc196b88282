// The messages of all queues, and where each of them is: ready, with a receiver or delayed until a time, or dead. What the commands are is index.ts.
import { OrderedKeys } from "../kv/ordered-keys.ts";
import { type Now, Times } from "../times.ts";

export interface Message {
  readonly id: number;
  readonly queue: string;
  readonly body: Uint8Array;
  /** How often it has been received. */
  readonly deliveries: number;
  /** Of the latest delivery, while its receiver has it; null: no receiver has it. */
  readonly receipt: number | null;
  readonly place: Place;
}

type Place =
  | { readonly kind: "ready" }
  /** Ready again from then on, or dead. */
  | { readonly kind: "hidden"; readonly untilMs: number }
  | { readonly kind: "dead" };

interface Counts {
  readonly ready: number;
  readonly hidden: number;
  readonly dead: number;
}

/** What holds the messages themselves. */
interface Values {
  get(id: number): Message | undefined;
  set(id: number, message: Message): unknown;
  delete(id: number): boolean;
}

/** Sorted by queue, and in a queue by age. No name of a queue has a NUL. */
const listed = ({ queue, id }: Pick<Message, "queue" | "id">): string => `${queue}\0${String(id).padStart(16, "0")}`;

const noCounts: Counts = { ready: 0, hidden: 0, dead: 0 };

export class Messages {
  readonly #values: Values;
  readonly #lists = { ready: new OrderedKeys(), dead: new OrderedKeys() };
  readonly #times = new Times();
  readonly #counts = new Map<string, Counts>();

  constructor(values: Values) {
    this.#values = values;
  }

  countsOf(queue: string): Counts {
    return this.#counts.get(queue) ?? noCounts;
  }

  get(id: number): Message | undefined {
    return this.#values.get(id);
  }

  put(message: Message): Message {
    this.remove(message.id);
    this.#values.set(message.id, message);
    this.#count(message, 1);
    const { place, id } = message;
    if (place.kind === "hidden") this.#times.move(String(id), null, place.untilMs);
    else this.#lists[place.kind].add(listed(message));
    return message;
  }

  remove(id: number): void {
    const message = this.#values.get(id);
    if (message === undefined) return;
    this.#values.delete(id);
    this.#count(message, -1);
    if (message.place.kind === "hidden") this.#times.move(String(id), message.place.untilMs, null);
    else this.#lists[message.place.kind].delete(listed(message));
  }

  /** The messages of a queue that are ready or dead, the oldest first, with a higher id than `after`. Change none of them before the last. */
  *list(kind: "ready" | "dead", queue: string, after = 0): Generator<Message> {
    for (const entry of this.#lists[kind].from(listed({ queue, id: after + 1 }))) {
      if (!entry.startsWith(`${queue}\0`)) return;
      yield this.#values.get(Number(entry.slice(queue.length + 1)))!;
    }
  }

  /** Each message whose time has come goes where `placeOf` says. */
  settle(now: Now, placeOf: (message: Message) => "ready" | "dead"): void {
    this.#times.settle(now, (id) => {
      const message = this.#values.get(Number(id))!;
      this.put({ ...message, receipt: null, place: { kind: placeOf(message) } });
    });
  }

  #count({ queue, place: { kind } }: Message, by: number): void {
    const before = this.countsOf(queue);
    const counts = { ...before, [kind]: before[kind] + by };
    if (counts.ready + counts.hidden + counts.dead === 0) this.#counts.delete(queue);
    else this.#counts.set(queue, counts);
  }
}
