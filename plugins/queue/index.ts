// Queues of messages, each delivered at least once: a receiver acknowledges it in time, or another one gets it. What nobody acknowledges after some
// deliveries is a dead letter. Time is replicated time.
import { bytes, defineStateMachine, SnapshotMap, v } from "graft";
import type { Now } from "../times.ts";
import { type Message, Messages } from "./messages.ts";

const weekMs = 7 * 24 * 3_600_000;
/** Of one answer, in bytes, unless a single message is larger. */
const answerBytesMax = 1024 * 1024;
const usualDeliveriesMax = 10;

const whole = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const Queue = v.pipe(v.string(), v.regex(/^[^\0]{1,256}$/u));
const Id = v.pipe(v.number(), v.integer(), v.minValue(1));
const Delay = whole(0, weekMs);
const Visibility = whole(1, weekMs);
const delivered = { id: Id, receipt: Id };

type Item =
  { readonly id: number; readonly receipt: number } | readonly [queue: string, deliveriesMax: number] | Message;

class Queues {
  /** Of the latest message, and of the latest delivery. */
  #id = 0;
  #receipt = 0;
  readonly #values = new SnapshotMap<number, Message>();
  readonly messages = new Messages(this.#values);
  /** After how many deliveries a message is dead, for queues that have been told. */
  readonly deliveriesMax = new SnapshotMap<string, number>();

  send(queue: string, body: Uint8Array, delayMs: number, now: Now): number {
    const id = ++this.#id;
    this.#place({ id, queue, body, deliveries: 0, receipt: null, place: { kind: "ready" } }, delayMs, now);
    return id;
  }

  deliver(message: Message, visibilityMs: number, now: Now): Message {
    const [receipt, deliveries] = [++this.#receipt, message.deliveries + 1];
    return this.#place({ ...message, deliveries, receipt }, visibilityMs, now);
  }

  /** Nobody has it any more: it is ready again after `delayMs`, or dead. */
  giveBack(message: Message, delayMs: number, now: Now): void {
    this.#place({ ...message, receipt: null, place: { kind: this.#nextPlaceOf(message) } }, delayMs, now);
  }

  keep(message: Message, visibilityMs: number, now: Now): Message {
    return this.#place(message, visibilityMs, now);
  }

  /** As its receiver knows it. A delivery whose time is over is one no longer. */
  deliveredAs(id: number, receipt: number): Message | null {
    const message = this.messages.get(id);
    return message?.receipt === receipt ? message : null;
  }

  expire(now: Now): void {
    this.messages.settle(now, (message) => this.#nextPlaceOf(message));
  }

  snapshot(): Iterable<Item> {
    const counted = { id: this.#id, receipt: this.#receipt };
    const [limits, messages] = [this.deliveriesMax.snapshot(), this.#values.snapshot()];
    return (function* (): Generator<Item> {
      yield counted;
      yield* limits;
      for (const [, message] of messages) yield message;
    })();
  }

  restore(item: Item): void {
    if ("queue" in item) this.messages.put(item);
    else if ("id" in item) [this.#id, this.#receipt] = [item.id, item.receipt];
    else this.deliveriesMax.set(...item);
  }

  #nextPlaceOf({ queue, deliveries }: Message): "ready" | "dead" {
    return deliveries >= (this.deliveriesMax.get(queue) ?? usualDeliveriesMax) ? "dead" : "ready";
  }

  /** A dead message is not delayed. */
  #place(message: Message, hiddenMs: number, now: Now): Message {
    if (hiddenMs === 0 || message.place.kind === "dead") return this.messages.put(message);
    const untilMs = now.timeMs + hiddenMs;
    now.wakeAt(untilMs);
    return this.messages.put({ ...message, place: { kind: "hidden", untilMs } });
  }
}

const shown = ({ id, body, deliveries }: Message) => ({ id, body, deliveries });

/** The first of these, up to so many, and up to the bytes that an answer may have. */
function firstOf(messages: Iterable<Message>, most: number): readonly Message[] {
  const first: Message[] = [];
  let size = 0;
  for (const message of messages) {
    size += message.body.length;
    if (first.length === most || (first.length > 0 && size > answerBytesMax)) break;
    first.push(message);
  }
  return first;
}

export default defineStateMachine({
  name: "queue",
  version: "1.0.0",
  create: () => new Queues(),
  snapshot: (queues) => queues.snapshot(),
  restore: (queues, item: Item) => queues.restore(item),
  due: (queues, ctx) => queues.expire(ctx),

  commands: {
    /** Puts a message at the end of a queue, where it is ready after `delayMs`. */
    send: {
      input: v.strictObject({ queue: Queue, body: bytes(), delayMs: v.optional(Delay, 0) }),
      apply: (queues, { queue, body, delayMs }, ctx) => ({ id: queues.send(queue, body, delayMs, ctx) }),
    },

    /** Takes up to `max` messages, the oldest first. Nobody else gets them for `visibilityMs`. */
    receive: {
      input: v.strictObject({ queue: Queue, max: v.optional(whole(1, 100), 1), visibilityMs: Visibility }),
      apply(queues, { queue, max, visibilityMs }, ctx) {
        const taken = firstOf(queues.messages.list("ready", queue), max);
        const messages = taken.map((message) => {
          const { receipt, ...rest } = queues.deliver(message, visibilityMs, ctx);
          return { ...shown({ ...rest, receipt }), receipt };
        });
        return { messages };
      },
    },

    /** The message is done with, and gone. `acknowledged` false: this delivery was over, and another receiver may have the message. */
    ack: {
      input: v.strictObject(delivered),
      apply(queues, { id, receipt }) {
        const message = queues.deliveredAs(id, receipt);
        if (message !== null) queues.messages.remove(id);
        return { acknowledged: message !== null };
      },
    },

    /** The receiver keeps the message for `visibilityMs` from now on. */
    extend: {
      input: v.strictObject({ ...delivered, visibilityMs: Visibility }),
      apply(queues, { id, receipt, visibilityMs }, ctx) {
        const message = queues.deliveredAs(id, receipt);
        if (message !== null) queues.keep(message, visibilityMs, ctx);
        return { extended: message !== null };
      },
    },

    /** The receiver gives the message back: it is ready again after `delayMs`, or dead. */
    reject: {
      input: v.strictObject({ ...delivered, delayMs: v.optional(Delay, 0) }),
      apply(queues, { id, receipt, delayMs }, ctx) {
        const message = queues.deliveredAs(id, receipt);
        if (message !== null) queues.giveBack(message, delayMs, ctx);
        return { rejected: message !== null };
      },
    },

    /** After so many deliveries without an acknowledgement a message of this queue is dead. */
    limit: {
      input: v.strictObject({ queue: Queue, deliveriesMax: whole(1, 1_000_000) }),
      apply: (queues, { queue, deliveriesMax }) => void queues.deliveriesMax.set(queue, deliveriesMax),
    },

    /** Dead messages are ready again, as if they had never been received: the oldest `max`. */
    revive: {
      input: v.strictObject({ queue: Queue, max: v.optional(whole(1, 10_000), 100) }),
      apply(queues, { queue, max }) {
        const dead = Array.from(queues.messages.list("dead", queue).take(max));
        for (const message of dead) queues.messages.put({ ...message, deliveries: 0, place: { kind: "ready" } });
        return { revived: dead.length };
      },
    },

    /** Removes the oldest `max` dead messages. */
    bury: {
      input: v.strictObject({ queue: Queue, max: v.optional(whole(1, 10_000), 100) }),
      apply(queues, { queue, max }) {
        const dead = Array.from(queues.messages.list("dead", queue).take(max));
        for (const { id } of dead) queues.messages.remove(id);
        return { buried: dead.length };
      },
    },
  },

  queries: {
    /** How many messages are ready, hidden (with a receiver, or delayed) and dead. */
    counts: { input: v.strictObject({ queue: Queue }), answer: (queues, { queue }) => queues.messages.countsOf(queue) },

    /** Dead messages, the oldest first, those behind the id `after`. */
    dead: {
      input: v.strictObject({
        queue: Queue,
        after: v.optional(whole(0, Number.MAX_SAFE_INTEGER - 1), 0),
        max: v.optional(whole(1, 100), 10),
      }),
      answer: (queues, { queue, after, max }) => ({
        messages: firstOf(queues.messages.list("dead", queue, after), max).map(shown),
      }),
    },
  },
});
