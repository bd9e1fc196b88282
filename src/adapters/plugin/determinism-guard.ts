// What a plugin may not ask inside `apply`, and how that is caught: every function here is wrapped once per thread, before
// the plugin is loaded, so that a reference it takes early is wrapped, too. The wrappers act only between `enter` and
// `leave`. What escapes them is listed in docs/plugins.md: this finds mistakes, it is no sandbox.

const TIME = "use ctx.timeMs, the replicated time";
const CHANCE = "use ctx.random(), which draws the same numbers on every node";
const WORLD = "let the client ask, and send the answer with the command";
const LATER = "a command is finished when apply returns";

interface Forbidden {
  /** As the plugin wrote it. */
  readonly holderName: string;
  readonly holder: object | undefined;
  readonly names: readonly string[];
  readonly remedy: string;
}

/** `node:crypto` and `node:process` are taken this way, and not imported: an import would fix their named exports first. */
function forbidden(): readonly Forbidden[] {
  return [
    { holderName: "Date.", holder: Date, names: ["now"], remedy: TIME },
    { holderName: "performance.", holder: performance, names: ["now", "mark", "measure"], remedy: TIME },
    { holderName: "process.hrtime.", holder: process.hrtime, names: ["bigint"], remedy: TIME },
    { holderName: "process.", holder: process, names: ["hrtime", "uptime"], remedy: TIME },
    { holderName: "Bun.", holder: Bun, names: ["nanoseconds"], remedy: TIME },
    {
      holderName: "Temporal.Now.",
      holder: temporalNow(),
      names: ["instant", "plainDateISO", "plainDateTimeISO", "plainTimeISO", "zonedDateTimeISO"],
      remedy: TIME,
    },
    { holderName: "Math.", holder: Math, names: ["random"], remedy: CHANCE },
    { holderName: "crypto.", holder: crypto, names: ["randomUUID", "getRandomValues"], remedy: CHANCE },
    { holderName: "Bun.", holder: Bun, names: ["randomUUIDv7"], remedy: CHANCE },
    {
      holderName: "node:crypto ",
      holder: process.getBuiltinModule("node:crypto"),
      names: ["randomUUID", "randomBytes", "randomInt", "randomFillSync", "getRandomValues"],
      remedy: CHANCE,
    },
    { holderName: "", holder: globalThis, names: ["fetch", "WebSocket", "Worker"], remedy: WORLD },
    { holderName: "Bun.", holder: Bun, names: ["connect", "listen", "serve", "spawn", "spawnSync"], remedy: WORLD },
    {
      holderName: "",
      holder: globalThis,
      names: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
      remedy: LATER,
    },
  ];
}

/** Not in the types that this project compiles with, but there for a plugin to use. */
function temporalNow(): object | undefined {
  const temporal: unknown = Reflect.get(globalThis, "Temporal");
  const now: unknown = typeof temporal === "object" && temporal !== null ? Reflect.get(temporal, "Now") : undefined;
  return typeof now === "object" && now !== null ? now : undefined;
}

class ForbiddenInApply extends Error {
  constructor(what: string, remedy: string) {
    super(`${what} inside apply: the nodes would differ; ${remedy}`);
    this.name = "ForbiddenInApply";
  }
}

let isInstalled = false;
let isApplying = false;
let firstViolation: ForbiddenInApply | null = null;

/** Wraps this thread's functions, once. Before a plugin is loaded. */
export function installDeterminismGuard(): void {
  if (isInstalled) return;
  isInstalled = true;
  wrapDate();
  for (const { holderName, holder, names, remedy } of forbidden()) {
    if (holder === undefined) continue;
    for (const name of names) {
      const original: unknown = Reflect.get(holder, name);
      if (typeof original === "function") Reflect.set(holder, name, wrap(original, `${holderName}${name}`, remedy));
    }
  }
}

/** From here to `leaveApply` the wrappers throw. Nothing asynchronous may come between the two. */
export function enterApply(): void {
  isApplying = true;
  firstViolation = null;
}

/** The first violation since `enterApply`, also when the plugin caught and hid it. */
export function leaveApply(): Error | null {
  isApplying = false;
  return firstViolation;
}

function refuseInApply(what: string, remedy: string): void {
  if (!isApplying) return;
  const violation = new ForbiddenInApply(what, remedy);
  firstViolation ??= violation;
  throw violation;
}

function wrap(original: Function, what: string, remedy: string): Function {
  return new Proxy(original, {
    apply(target, self: unknown, given: unknown[]) {
      refuseInApply(what, remedy);
      return Reflect.apply(target, self, given);
    },
    construct(target, given: unknown[], newTarget) {
      refuseInApply(`new ${what}`, remedy);
      return Reflect.construct(target, given, newTarget);
    },
  });
}

/** `new Date(ctx.timeMs)` is fine; only without arguments, or as a plain function, does Date read the clock. */
function wrapDate(): void {
  const original = Date;
  const wrapped = new Proxy(original, {
    apply(target, self: unknown, given: unknown[]) {
      refuseInApply("Date()", TIME);
      return Reflect.apply(target, self, given);
    },
    construct(target, given: unknown[], newTarget): object {
      if (given.length === 0) refuseInApply("new Date()", TIME);
      return Reflect.construct(target, given, newTarget);
    },
  });
  original.prototype.constructor = wrapped;
  globalThis.Date = wrapped;
}
