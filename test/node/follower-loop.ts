// The loop of one follower for tests: what it sends, writes and hands over is written down, and its turns come when the test says so.
import { ManualClock } from "../doubles/manual-clock.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import { logStart } from "../../src/core/log-position.ts";
import type { AppendEntries } from "../../src/core/messages.ts";
import { restore } from "../../src/core/restore.ts";
import { LogTail } from "../../src/node/log-tail.ts";
import { Mailbox } from "../../src/node/mailbox.ts";
import { TurnLoop } from "../../src/node/turn-loop.ts";
import { WaitingClients } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { idleApplier } from "./applier-setting.ts";
import { starting } from "../core/build.ts";

/** What was asked for soon waits for `run`, as it does while input is handled. */
class HeldClock extends ManualClock {
  readonly waiting: (() => void)[] = [];

  override soon(callback: () => void): void {
    this.waiting.push(callback);
  }

  /** Answers how many turns that were. */
  run(): number {
    const callbacks = this.waiting.splice(0);
    for (const callback of callbacks) callback();
    return callbacks.length;
  }
}

export const [n1, n2] = [toMemberKey("n1", "a"), toMemberKey("n2", "b")];
const n3 = toMemberKey("n3", "c");

/** The loop of n1, a follower in a cluster of three, or of a node that waits to hear of one. */
export function followerLoop(write?: (...args: Parameters<LogStore["write"]>) => void, isFounded = true) {
  const room = { isThere: true };
  const first = createMemoryLogStore({ incarnation: "a", autoDurable: true });
  const members = [n1, n2, n3].map((key) => ({ key, address: `${key}:1`, priority: 0 }));
  const genesis = { clusterUuid: "0".repeat(32), members, foundedAtMs: 1_000 };
  if (isFounded) first.write([{ kind: "writeGenesis", ticket: 1, genesis }], () => {});
  const store = createMemoryLogStore({ incarnation: "a", disk: first.crash() });
  const clock = new HeldClock();
  const log: string[] = [];
  /** The lines of its log but for traces. */
  const said: string[] = [];
  const failures: unknown[] = [];
  const waiting = new WaitingClients();
  const reads = new WaitingReads();
  const tail = new LogTail(store, 1_000_000);
  const never = (): never => {
    throw new Error("not expected here");
  };
  const applier = idleApplier();
  applier.advance = (through) => void log.push(`apply through ${through}`);
  const transport = {
    start: never,
    send: (_: unknown, { kind }: { readonly kind: string }) => void log.push(`send ${kind}`),
    dismiss: never,
    flush: () => void log.push("flush"),
    setPeers: never,
    setAffiliation: never,
    openBulk: never,
    reach: never,
    discover: never,
    peers: never,
    stop: never,
  };
  const loop: TurnLoop = new TurnLoop(
    restore(store.saved, starting({ self: n1 })),
    {
      store: {
        saved: store.saved,
        read: never,
        chainAt: never,
        chainAfter: never,
        keepDamage: never,
        keepFinding: never,
        reclaim: never,
        reopen: () => store.reopen(),
        close: never,
        write: (effects, onDurable) => {
          log.push(`write ${effects.map(({ kind }) => kind).join("+")}`);
          if (write === undefined) return store.write(effects, onDurable);
          write(effects, onDurable);
          return "written";
        },
      },
      disk: { hasRoomFor: () => room.isThere },
      transport,
      clock,
      logger: {
        enabled: () => true,
        log: (level, message, fields) => {
          if (level === "trace") log.push(message);
          else said.push(`${level} ${message} ${String(fields?.["state"])}`);
        },
      },
      mailbox: new Mailbox(waiting, reads),
    },
    {
      targets: {
        snapshots: { fetch: never, check: never, onWritten: never },
        transport,
        tail,
        applier,
        waiting,
        reads,
        transferSettled: never,
        changeSettled: never,
        removed: never,
        followerFault: never,
        halt: ({ kind }) => {
          log.push(`halt ${kind}`);
          loop.stop();
        },
      },
      turned: () => void log.push("turned"),
      begin: (saved) => restore(saved, starting({ self: n1, nowMs: clock.nowMs() })),
      noRoom: () => void log.push("no room"),
      failed: (error) => void failures.push(error),
    },
  );
  return { loop, clock, store, log, said, failures, waiting, room, transport, tail };
}

const noops = (after: number, count: number, term: number): readonly Entry[] =>
  Array.from({ length: count }, (_, at) => ({ kind: "noop", index: after + 1 + at, term, stampMs: 1_000 }));

/** The chained checksum of a log of no-ops of one term, at `index`. */
export function chainAt(index: number, term: number): number {
  const store = createMemoryLogStore({ incarnation: "any" });
  return noops(0, index, term).reduce((chain, entry) => store.chainAfter(chain, entry), store.chainAt(0));
}

export const appendEntries = (index: number, count: number, term = 1): AppendEntries => ({
  kind: "appendEntries",
  term,
  prev: index === 0 ? logStart : { index, term },
  entries: noops(index, count, term),
  leaderCommit: 0,
  round: index + 1,
  freshAsOf: null,
  prevChain: chainAt(index, term),
  confirmed: 0,
  refill: null,
});
export const heartbeat = appendEntries(0, 0);
export const from = (key: typeof n1, message: AppendEntries) => ({ kind: "message", from: key, message }) as const;
