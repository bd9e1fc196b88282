// Whatever would make the nodes differ is caught inside apply, and works as ever outside of it.
import { describe, expect, test } from "bun:test";
import { defineRawStateMachine } from "graft";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { installDeterminismGuard } from "../../../src/adapters/plugin/determinism-guard.ts";
import { createExecutor } from "../../../src/adapters/plugin/executor.ts";

installDeterminismGuard();

const earlyNow = Date.now;
const temporalNow: { instant(): unknown } = Reflect.get(Reflect.get(globalThis, "Temporal"), "Now");

/** Runs `act` as a plugin's apply would. */
function insideApply(act: () => unknown): void {
  const machine = defineRawStateMachine({
    name: "act",
    version: "1",
    create: () => ({
      apply() {
        act();
        return new Uint8Array();
      },
      query: () => new Uint8Array(),
    }),
  });
  createExecutor(checkDefinition(machine)).apply({
    kind: "command",
    index: 4,
    term: 2,
    timeMs: 0,
    payload: new Uint8Array(),
    session: null,
    isAwaited: true,
  });
}

const time = "use ctx.timeMs, the replicated time";
const chance = "use ctx.random(), which draws the same numbers on every node";
const world = "let the client ask, and send the answer with the command";
const later = "a command is finished when apply returns";
const local = "it says how this machine is doing";
const nodeCrypto = process.getBuiltinModule("node:crypto");
const english = new Intl.DateTimeFormat("en");

const caught: readonly (readonly [string, () => unknown, string])[] = [
  ["Date.now", () => Date.now(), time],
  ["Date.now", () => earlyNow(), time],
  ["new Date()", () => new Date(), time],
  ["new Date()", () => new (new Date(0).constructor as DateConstructor)(), time],
  ["Date()", () => Date(), time],
  ["performance.now", () => performance.now(), time],
  ["process.hrtime", () => process.hrtime(), time],
  ["process.hrtime.bigint", () => process.hrtime.bigint(), time],
  ["process.uptime", () => process.uptime(), time],
  ["Bun.nanoseconds", () => Bun.nanoseconds(), time],
  ["Temporal.Now.instant", () => temporalNow.instant(), time],
  ["Math.random", () => Math.random(), chance],
  ["crypto.randomUUID", () => crypto.randomUUID(), chance],
  ["crypto.getRandomValues", () => crypto.getRandomValues(new Uint8Array(1)), chance],
  ["Bun.randomUUIDv7", () => Bun.randomUUIDv7(), chance],
  ["Intl.DateTimeFormat.format()", () => english.format(), time],
  ["Intl.DateTimeFormat.format()", () => english.format(undefined), time],
  ["Intl.DateTimeFormat.formatToParts()", () => english.formatToParts(), time],
  ["performance.toJSON", () => performance.toJSON(), time],
  ["process.cpuUsage", () => process.cpuUsage(), local],
  ["process.memoryUsage", () => process.memoryUsage(), local],
  ["process.memoryUsage.rss", () => process.memoryUsage.rss(), local],
  ["node:os loadavg", () => process.getBuiltinModule("node:os").loadavg(), local],
  ["Bun.password.hashSync", () => Bun.password.hashSync("x", { algorithm: "bcrypt", cost: 4 }), chance],
  ["node:crypto generateKeySync", () => nodeCrypto.generateKeySync("hmac", { length: 64 }), chance],
  ["node:crypto generateKeyPairSync", () => nodeCrypto.generateKeyPairSync("ed25519"), chance],
  ["node:crypto randomFill", () => nodeCrypto.randomFill(new Uint8Array(2), () => {}), chance],
  ["node:crypto randomFillSync", () => nodeCrypto.randomFillSync(new Uint8Array(2)), chance],
  ["node:crypto ECDH.generateKeys", () => nodeCrypto.createECDH("prime256v1").generateKeys(), chance],
  ["fetch", () => fetch("http://127.0.0.1:1/"), world],
  ["new WebSocket", () => new WebSocket("ws://127.0.0.1:1/"), world],
  ["Bun.spawnSync", () => Bun.spawnSync(["true"]), world],
  ["setTimeout", () => setTimeout(() => {}, 0), later],
  ["setInterval", () => setInterval(() => {}, 1000), later],
  ["process.nextTick", () => process.nextTick(() => {}), later],
  ["Bun.sleep", () => Bun.sleep(0), later],
  ["node:timers setTimeout", () => process.getBuiltinModule("node:timers").setTimeout(() => {}, 0), later],
  ["queueMicrotask", () => queueMicrotask(() => {}), later],
];

describe("determinism guard", () => {
  test.each(caught)("%s is caught inside apply", (what, act, remedy) => {
    expect(() => insideApply(act)).toThrow(
      `The state machine act 1 failed at entry 4 (term 2): ForbiddenInApply: ${what} inside apply: the nodes would differ; ${remedy}`,
    );
  });

  test("node:crypto is caught where it is not imported by name", () => {
    expect(() => insideApply(() => process.getBuiltinModule("node:crypto").randomBytes(4))).toThrow(
      "node:crypto randomBytes",
    );
  });

  test("a plugin that hides what it did is caught all the same", () => {
    const hide = (): void => {
      try {
        Math.random();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    };
    expect(() => insideApply(hide)).toThrow("Math.random inside apply");
  });

  test("create is held to the same", () => {
    const machine = defineRawStateMachine({
      name: "born",
      version: "1",
      create() {
        const bornMs = Date.now();
        return { apply: () => new Uint8Array(bornMs), query: () => new Uint8Array() };
      },
    });
    expect(() => createExecutor(checkDefinition(machine))).toThrow("Date.now inside apply");
  });

  test("a date of a given time may be made inside apply", () => {
    const dates: Date[] = [];
    insideApply(() => dates.push(new Date(86_400_000)));
    insideApply(() => [english.format(dates[0]), english.formatToParts(0)]);
    expect(dates[0]?.toISOString()).toBe("1970-01-02T00:00:00.000Z");
  });

  test("outside of apply everything works, also after a violation", () => {
    expect(() => insideApply(() => Date.now())).toThrow();
    expect(Date.now()).toBeGreaterThan(1.7e12);
    expect(new Date()).toBeInstanceOf(Date);
    expect(new Date().constructor).toBe(Date);
    expect(typeof Date()).toBe("string");
    expect(Math.random()).toBeLessThan(1);
    expect(crypto.randomUUID()).toHaveLength(36);
    expect(process.hrtime.bigint()).toBeGreaterThan(0n);
    expect(performance.now()).toBeGreaterThan(0);
    expect(english.format()).toMatch(/\d/);
    expect(english.formatToParts().length).toBeGreaterThan(1);
    expect(process.memoryUsage.rss()).toBeGreaterThan(0);
  });
});
