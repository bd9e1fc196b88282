// The real program with one fault in it, for fail-stop.test.ts, which compiles it. It imports src/cli/main.ts, so that all that
// follows a throw is production code; only what throws is not. FAULT names the source of the throw. The fault waits until the
// file FAULT_WHEN exists. Whatever is written to a socket after the throw is noted in the file FAULT_SENT.
import { appendFileSync, existsSync } from "node:fs";
import { Link } from "../../src/adapters/tls/link.ts";
import { LinkWatch } from "../../src/adapters/tls/link-watch.ts";
import { SendQueue } from "../../src/adapters/tls/send-queue.ts";
import type { Event } from "../../src/core/events.ts";
import { GraftClient } from "../../src/client/client.ts";
import { Applier } from "../../src/node/applier.ts";
import { Mailbox } from "../../src/node/mailbox.ts";

const { FAULT: fault = "", FAULT_WHEN: when = "", FAULT_SENT: sent = "" } = process.env;

let hasThrown = false;

/** Throws once, when the time has come. */
function strike(): void {
  if (hasThrown || !existsSync(when)) return;
  hasThrown = true;
  throw new TypeError(`planted in ${fault}`);
}

type Call = (original: () => unknown) => unknown;

/** Every call of a method, or of a property's setter, goes through `call`. */
function intercept(owner: object, name: string, call: Call): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  const original = descriptor?.value as ((...args: unknown[]) => unknown) | undefined;
  if (original === undefined) throw new Error(`there is no method ${name}`);
  const intercepted = function (this: unknown, ...args: unknown[]): unknown {
    return call(() => original.apply(this, args));
  };
  Object.defineProperty(owner, name, { ...descriptor, value: intercepted });
}

/** Calls of this method meet the fault before anything else. */
const plant = (owner: object, name: string): void =>
  intercept(owner, name, (original) => {
    strike();
    return original();
  });

/** The handler of a worker's messages is set as a property. */
function plantInWorkerMessages(): void {
  const descriptor = Object.getOwnPropertyDescriptor(Worker.prototype, "onmessage");
  Object.defineProperty(Worker.prototype, "onmessage", {
    ...descriptor,
    set(this: Worker, handler: (event: MessageEvent) => void) {
      descriptor?.set?.call(this, (event: MessageEvent) => {
        strike();
        handler(event);
      });
    },
  });
}

/** An event that no node may be given, so that the core's own check of it throws. */
function plantInCore(): void {
  intercept(Mailbox.prototype, "take", (original) => {
    const events = original() as readonly Event[];
    if (hasThrown || !existsSync(when)) return events;
    hasThrown = true;
    return [...events, { kind: "persisted", ticket: Number.MAX_SAFE_INTEGER, nowMs: performance.now() }];
  });
}

const faults: Readonly<Record<string, () => void>> = {
  timer: () => plant(LinkWatch.prototype, "sweep"),
  promise: () => plant(Link.prototype, "neverOpened"),
  "socket accepted": () => plant(Link.prototype, "socketOpened"),
  "socket secured": () => plant(Link.prototype, "socketSecured"),
  "socket data": () => plant(Link.prototype, "socketReceived"),
  "socket closed": () => plant(Link.prototype, "socketClosed"),
  worker: plantInWorkerMessages,
  step: plantInCore,
  effect: () => plant(Applier.prototype, "advance"),
  // A command that never settles, and nothing is left that could settle it.
  endless: () => intercept(GraftClient.prototype, "status", () => new Promise(() => {})),
};
faults[fault]?.();

intercept(SendQueue.prototype, "writeTo", (original) => {
  if (hasThrown) appendFileSync(sent, "written to a socket after the throw\n");
  return original();
});

await import("../../src/cli/main.ts");
