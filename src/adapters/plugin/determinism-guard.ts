// What a plugin may not ask inside `apply`, `snapshot` and `restore`, what it may not begin inside a query, and how that is
// caught: every function here is wrapped once per thread, before the plugin is loaded, so that a reference it takes early is
// wrapped, too. The wrappers act only between `enter` and `leave`. What escapes them is listed in
// docs/plugins-reference.md: this finds mistakes, it is no sandbox.

/** What goes on at present. */
export type Phase = "apply" | "due" | "query" | "snapshot" | "restore" | "example";

/** Why something is refused, and what to do instead. */
interface Remedy {
  readonly apply: string;
  /** Without one a query may do it. */
  readonly query?: string;
}

const DIFFERS = "the nodes would differ; ";
const OUTLIVES = "it would go on after the answer; ";
const TIME: Remedy = { apply: `${DIFFERS}use ctx.timeMs, the replicated time` };
const CHANCE: Remedy = { apply: `${DIFFERS}use ctx.random(), which draws the same numbers on every node` };
const LOCAL: Remedy = { apply: `${DIFFERS}it says how this machine is doing` };
const WORLD: Remedy = {
  apply: `${DIFFERS}let the client ask, and send the answer with the command`,
  query: `${OUTLIVES}let the client ask`,
};
const LATER: Remedy = {
  apply: `${DIFFERS}a command is finished when apply returns`,
  query: `${OUTLIVES}a query is finished when it returns`,
};

interface Forbidden {
  /** As the plugin wrote it. */
  readonly holderName: string;
  readonly holder: object | undefined;
  readonly names: readonly string[];
  readonly remedy: Remedy;
}

/** The modules `node:…` and `node:process` are taken this way, and not imported: an import would fix their named exports first. */
function forbidden(): readonly Forbidden[] {
  return [
    { holderName: "Date.", holder: Date, names: ["now"], remedy: TIME },
    { holderName: "performance.", holder: performance, names: ["now", "mark", "measure", "toJSON"], remedy: TIME },
    { holderName: "process.hrtime.", holder: process.hrtime, names: ["bigint"], remedy: TIME },
    { holderName: "process.memoryUsage.", holder: process.memoryUsage, names: ["rss"], remedy: LOCAL },
    { holderName: "process.", holder: process, names: ["cpuUsage", "memoryUsage", "resourceUsage"], remedy: LOCAL },
    {
      holderName: "node:os ",
      holder: process.getBuiltinModule("node:os"),
      names: ["loadavg", "freemem", "uptime", "cpus"],
      remedy: LOCAL,
    },
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
    { holderName: "Bun.password.", holder: Bun.password, names: ["hash", "hashSync"], remedy: CHANCE },
    ...nodeCrypto(),
    { holderName: "", holder: globalThis, names: ["fetch", "WebSocket", "Worker"], remedy: WORLD },
    { holderName: "Bun.", holder: Bun, names: ["connect", "listen", "serve", "spawn", "spawnSync"], remedy: WORLD },
    {
      holderName: "",
      holder: globalThis,
      names: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
      remedy: LATER,
    },
    ...["node:timers", "node:timers/promises"].map((module) => ({
      holderName: `${module} `,
      holder: process.getBuiltinModule(module),
      names: ["setTimeout", "setInterval", "setImmediate"],
      remedy: LATER,
    })),
    { holderName: "process.", holder: process, names: ["nextTick"], remedy: LATER },
    { holderName: "Bun.", holder: Bun, names: ["sleep"], remedy: LATER },
  ];
}

/** What draws numbers by itself: what is computed from a given key may be asked. */
function nodeCrypto(): readonly Forbidden[] {
  const holder = process.getBuiltinModule("node:crypto");
  const draw = ["randomUUID", "randomBytes", "randomInt", "randomFill", "randomFillSync", "getRandomValues"];
  const generate = ["generateKey", "generateKeySync", "generateKeyPair", "generateKeyPairSync"];
  const primes = ["generatePrime", "generatePrimeSync"];
  return [
    { holderName: "node:crypto ", holder, names: [...draw, ...generate, ...primes], remedy: CHANCE },
    ...[holder.ECDH, holder.DiffieHellman].map((kind) => ({
      holderName: `node:crypto ${kind.name}.`,
      holder: kind.prototype,
      names: ["generateKeys"],
      remedy: CHANCE,
    })),
  ];
}

/** Not in the types that this project compiles with, but there for a plugin to use. */
function temporalNow(): object | undefined {
  const temporal: unknown = Reflect.get(globalThis, "Temporal");
  const now: unknown = typeof temporal === "object" && temporal !== null ? Reflect.get(temporal, "Now") : undefined;
  return typeof now === "object" && now !== null ? now : undefined;
}

/** What is forbidden in `apply` is forbidden here, and nothing stands in for it: there is nothing left to be found out. */
const stateAlone = {
  snapshot: `${DIFFERS}a snapshot follows from the state alone`,
  restore: `${DIFFERS}a state follows from the snapshot alone`,
  example: "the same seed would give another story; use what example is given, draw",
} as const;

const violationNames: Readonly<Record<Phase, string>> = {
  apply: "ForbiddenInApply",
  due: "ForbiddenInDue",
  query: "ForbiddenInQuery",
  snapshot: "ForbiddenInSnapshot",
  restore: "ForbiddenInRestore",
  example: "ForbiddenInExample",
};

class Violation extends Error {
  constructor(what: string, phase: Phase, remedy: string) {
    super(`${what} inside ${phase}: ${remedy}`);
    this.name = violationNames[phase];
  }
}

let isInstalled = false;
let current: Phase | null = null;
let firstViolation: Violation | null = null;

/** Wraps this thread's functions, once. Before a plugin is loaded. */
export function installDeterminismGuard(): void {
  if (isInstalled) return;
  isInstalled = true;
  wrapDate();
  wrapDateTimeFormat();
  for (const { holderName, holder, names, remedy } of forbidden()) {
    if (holder === undefined) continue;
    for (const name of names) {
      const original: unknown = Reflect.get(holder, name);
      if (typeof original === "function") Reflect.set(holder, name, wrap(original, `${holderName}${name}`, remedy));
    }
  }
}

/**
 * Runs code of the plugin synchronously. Throws the plugin's error, and an error for a forbidden call. A forbidden call also counts
 * if the plugin caught its error, or rejected the command afterwards.
 */
export function guarded<Result>(phase: Phase, run: () => Result): Result {
  let violation: Error | null = null;
  let result: Result;
  enter(phase);
  try {
    result = run();
  } catch (error) {
    violation = leave();
    throw violation ?? error;
  }
  violation = leave();
  if (violation !== null) throw violation;
  return result;
}

/** From here to `leave` the wrappers throw. Nothing asynchronous may come between the two. */
function enter(phase: Phase): void {
  current = phase;
  firstViolation = null;
}

/** The first violation since `enter`, also when the plugin caught and hid it. */
function leave(): Error | null {
  current = null;
  return firstViolation;
}

function refuse(what: string, remedy: Remedy): void {
  if (current === null) return;
  const told = { ...stateAlone, due: remedy.apply, ...remedy }[current];
  if (told === undefined) return;
  const violation = new Violation(what, current, told);
  firstViolation ??= violation;
  throw violation;
}

function wrap(original: Function, what: string, remedy: Remedy): Function {
  return new Proxy(original, {
    apply(target, self: unknown, given: unknown[]) {
      refuse(what, remedy);
      return Reflect.apply(target, self, given);
    },
    construct(target, given: unknown[], newTarget) {
      refuse(`new ${what}`, remedy);
      return Reflect.construct(target, given, newTarget);
    },
  });
}

/** `new Date(ctx.timeMs)` is fine; only without arguments, or as a plain function, does Date read the clock. */
function wrapDate(): void {
  const original = Date;
  const wrapped = new Proxy(original, {
    apply(target, self: unknown, given: unknown[]) {
      refuse("Date()", TIME);
      return Reflect.apply(target, self, given);
    },
    construct(target, given: unknown[], newTarget): object {
      if (given.length === 0) refuse("new Date()", TIME);
      return Reflect.construct(target, given, newTarget);
    },
  });
  original.prototype.constructor = wrapped;
  globalThis.Date = wrapped;
}

/** Without a date they format the present. `format` is a getter that gives a function bound to its formatter. */
function wrapDateTimeFormat(): void {
  const { prototype } = Intl.DateTimeFormat;
  const format = Object.getOwnPropertyDescriptor(prototype, "format");
  const getter: unknown = Reflect.get(format ?? {}, "get");
  if (typeof getter === "function") {
    const get = function (this: Intl.DateTimeFormat): Function {
      return wrapDated(Reflect.apply(getter, this, []), "Intl.DateTimeFormat.format()");
    };
    Object.defineProperty(prototype, "format", { ...format, get });
  }
  const toParts: unknown = Reflect.get(prototype, "formatToParts");
  if (typeof toParts === "function") {
    Reflect.set(prototype, "formatToParts", wrapDated(toParts, "Intl.DateTimeFormat.formatToParts()"));
  }
}

function wrapDated(original: Function, what: string): Function {
  return new Proxy(original, {
    apply(target, self: unknown, given: unknown[]) {
      if (given[0] === undefined) refuse(what, TIME);
      return Reflect.apply(target, self, given);
    },
  });
}
