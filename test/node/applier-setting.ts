// An applier on its own: a log, the clients that wait, and a machine that remembers what it was given.
import type { PlacedActivation, PluginVersion } from "../../src/core/activation.ts";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import { GraftError } from "../../src/errors.ts";
import { Applier } from "../../src/node/applier.ts";
import { SkippedEntries } from "../../src/node/skipped-entries.ts";
import type { ReplyError, Waiter } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import type { LeaderHint } from "../../src/ports/requests.ts";
import { snapshotAt } from "../core/say.ts";
import { bytes, RecordingMachine, text } from "./recording-machine.ts";
import { someone, unbounded } from "./test-asker.ts";
import { noPlace } from "./trusted-copy.ts";

type Answered = Waiter & {
  readonly answers: string[];
  readonly messages: string[];
};

export function waiter(kind: "command" | "query", payload = "", dueMs = 1_000, from = someone): Answered {
  const answers: string[] = [];
  const messages: string[] = [];
  return {
    kind,
    session: null,
    payload: bytes(payload),
    from,
    open: unbounded,
    dueMs,
    answers,
    messages,
    succeed: (result, { index, term }) => void answers.push(`${index}.${term} ${text(result)}`),
    fail: (error: ReplyError) => {
      answers.push(error.code);
      messages.push(error.message);
    },
  };
}

export const command = (index: number, said = `c${index}`): Entry => ({
  kind: "command",
  index,
  term: 1,
  stampMs: index * 10,
  payload: bytes(said),
  session: null,
});
export const noop = (index: number): Entry => ({ kind: "noop", index, term: 1, stampMs: index * 10 });
export const pluginVersion = (version: string): PluginVersion => ({ name: "p", version, hash: "0".repeat(64) });
/** The entry that activates a version named after its index. */
export const activation = (index: number): Entry => ({
  kind: "activate",
  index,
  term: 1,
  stampMs: index * 10,
  plugin: pluginVersion(String(index)),
  replaces: false,
});
export const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An applier that is not to hand anything over. */
export function idleApplier(): Applier {
  const never = (): never => {
    throw new Error("not expected here");
  };
  return new Applier(
    null,
    {
      stateMachine: new RecordingMachine(),
      clock: { nowMs: () => 0, wallMs: () => 0, soon: never, at: never },
      tail: { read: never },
      reads: new WaitingReads(),
      waiting: { count: 0, take: never },
    },
    {
      leader: never,
      isAsked: never,
      placeAfter: never,
      handed: never,
      freed: never,
      clientFull: never,
      restore: never,
      recall: never,
      resumed: never,
      renew: never,
      latest: never,
      wake: never,
      runningFrom: never,
      decisionOn: never,
      freshlyDecided: never,
      isDiskLow: never,
      lacking: never,
      answered: never,
      stateMachineFailed: never,
      stateMachineRuns: never,
      failed: never,
    },
  );
}

/** The leader that the node knows. */
const known: LeaderHint = { id: "n2", address: "n2:1" };

export function setUp(log: readonly Entry[], after = 0, machine = new RecordingMachine()) {
  const waiters = new Map<number, Answered>();
  const reads = new WaitingReads(() => applier.serve());
  /** Queries, by what the state must have been handed that answers them. */
  const queries = {
    set(index: number, clients: readonly Answered[]) {
      const asked = clients.filter((client) => client.kind === "query");
      reads.ready(reads.add(asked), { index, term: 1 });
      return queries;
    },
  };
  const pages: [number, number][] = [];
  const failures: string[] = [];
  /** The entries whose waiters were asked for. */
  const asked: number[] = [];
  const handed: string[] = [];
  /** What the node hears beside that, in order. */
  const heard: string[] = [];
  let answered = 0;
  const restores: { readonly through: number; readonly settle: PromiseWithResolvers<void> }[] = [];
  const restored = (through: number): Promise<void> => {
    const settle = Promise.withResolvers<void>();
    restores.push({ through, settle });
    return settle.promise;
  };
  /** Reading a page takes `pageMs`. */
  const time = { nowMs: 0, pageMs: 0 };
  const later: (() => void)[] = [];
  /** A client waits for this node: entries are handed over at once. */
  const impatience = { isOn: true };
  const timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const clock = {
    nowMs: () => time.nowMs,
    wallMs: () => time.nowMs,
    soon: (callback: () => void) => void later.push(callback),
    at: (atMs: number, callback: () => void) => {
      const timer = { atMs, callback };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const passes = (ms: number): void => {
    time.nowMs += ms;
    for (const timer of timers.filter(({ atMs }) => atMs <= time.nowMs)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.callback();
    }
  };
  const tail = {
    read(first: number, last: number, bytesMax: number) {
      const page: Entry[] = [];
      let size = 0;
      for (const entry of log.slice(first - 1, last)) {
        size += entryBytes(entry);
        if (size > bytesMax && page.length > 0) break;
        page.push(entry);
      }
      if (page.length === 0) throw new Error(`entry ${first} is not there`);
      time.nowMs += time.pageMs;
      pages.push([page[0]!.index, page.at(-1)!.index]);
      return page;
    },
  };
  const waiting = {
    get count() {
      return waiters.size;
    },
    take({ index }: LogPosition, leader: LeaderHint | null) {
      asked.push(index);
      if (leader !== known) throw new Error(`${index} is not told the leader`);
      const client = waiters.get(index);
      waiters.delete(index);
      return client?.kind === "command" ? client : null;
    },
  };
  /** Decisions of an administrator that are committed. */
  const decided: PlacedActivation[] = [];
  const committed = { through: 0 };
  const skipped = new SkippedEntries(() => ({ activations: decided, commitIndex: committed.through }));
  /** The activations whose version is not at hand. */
  const lacked = new Set<number>();
  const lackings: string[] = [];
  const restoredWith: string[] = [];
  const wakes: string[] = [];
  const disk = { isLow: false };
  /** With which the log begins. */
  const latest = { snapshot: after === 0 ? null : snapshotAt({ index: after, term: 1 }) };
  const applier = new Applier(
    latest.snapshot,
    { stateMachine: machine, clock, tail, reads, waiting },
    {
      leader: () => known,
      isAsked: () => impatience.isOn || waiters.size > 0 || reads.count > 0,
      placeAfter: noPlace,
      handed: (last, weight) => void handed.push(`${last.index} ${weight}`),
      freed: () => void heard.push("freed"),
      clientFull: ({ client }, { untilMs }) => void heard.push(`${client} is full until ${untilMs}`),
      restore: (snapshot, plugin) => {
        restoredWith.push(plugin?.version ?? "as it is");
        return restored(snapshot.position.index).then(() => machine.wakeAtMs);
      },
      recall: async (mayKeep) => {
        const recalled = await machine.recall(mayKeep() ? "may keep it" : "anew");
        const held = mayKeep() ? recalled.held : null;
        skipped.begin(held?.reached.index ?? 0);
        return held;
      },
      resumed: ({ index, term }) => void heard.push(`resumed at ${index} of term ${term}`),
      renew: () => machine.renew(),
      latest: () => latest.snapshot,
      wake: (wake) => void wakes.push(wake === null ? "no time" : `${wake.atMs} after ${wake.through}`),
      runningFrom: (index) =>
        lacked.has(index)
          ? { kind: "lacks", why: new GraftError("state-machine", `version ${index} is not here`) }
          : { kind: "runs", plugin: pluginVersion(String(index)) },
      decisionOn: (index) => skipped.on(index),
      freshlyDecided: (...range) => skipped.fresh(...range),
      isDiskLow: () => disk.isLow,
      lacking: () => void lackings.push(applier.standstill?.message ?? "nothing"),
      answered: () => void answered++,
      stateMachineFailed: (error) => void failures.push(`state machine: ${error.message}`),
      stateMachineRuns: () => void failures.push("state machine: runs again"),
      failed: (error) => void failures.push(`node: ${String(error)}`),
    },
  );
  applier.start();
  return {
    applier,
    skipped,
    /** Skips an entry once everything through this index is committed. */
    decide: (entry: number, at: number): void => {
      decided.push({ position: { index: at, term: 1 }, plugin: pluginVersion("1"), replaces: false, skips: entry });
    },
    /** Of decisions that were not committed nothing is left. */
    withdraw: (): void => void decided.splice(0),
    /** The core knows it, and says it later. */
    know: (through: number): void => void (committed.through = through),
    /** As the core says it. */
    commit: (through: number): void => {
      committed.through = through;
      applier.advance(through);
    },
    lacked,
    lackings,
    restoredWith,
    disk,
    wakes,
    machine,
    waiters,
    queries,
    reads,
    pages,
    failures,
    asked,
    handed,
    heard,
    restores,
    latest,
    time,
    impatience,
    timers,
    passes,
    later,
    answeredCount: () => answered,
  };
}
