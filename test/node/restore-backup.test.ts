// A backup becomes the beginning of a new cluster: what its one node knows then, and that the core goes on from there.
import { describe, expect, test } from "bun:test";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import { foundedAtMsMax } from "../../src/core/genesis.ts";
import { checkState } from "../../src/core/invariants.ts";
import { restore } from "../../src/core/restore.ts";
import { restoreBackup } from "../../src/node/restore-backup.ts";
import { bytesOf, headerAt, readAll } from "../contracts/snapshot-store.contract.ts";
import { asFollower, starting, take } from "../core/build.ts";
import { persisted, tick } from "../core/say.ts";
import { microtasks } from "./applier-setting.ts";

const incarnation = "00000000000000000000000000000002";
const self = toMemberKey("n9", incarnation);
const founder = { id: "n9", address: "n9:7400", cluster: "shop", clusterUuid: "00000000000000000000000000000001" };
const header = headerAt(120, 3);
const content = bytesOf(1000);

async function restored(of = header) {
  const store = createMemoryLogStore({ incarnation });
  const snapshots = createMemorySnapshotStore();
  const source = {
    header: of,
    async *chunks() {
      yield content;
    },
  };
  const snapshot = await restoreBackup({ store, snapshots }, source, founder);
  store.flushAll();
  const { saved } = createMemoryLogStore({ incarnation, disk: store.crash() });
  return { saved, snapshots, snapshot };
}

test("index, term, chain and replicated time go on; cluster, incarnation and members are new", async () => {
  const { saved, snapshot } = await restored();
  const alone = { members: [{ key: self, address: "n9:7400", priority: 0 }], voters: [self], outgoing: [] };
  expect(saved).toMatchObject({
    genesis: { clusterUuid: founder.clusterUuid, members: alone.members, foundedAtMs: header.stampMs },
    currentTerm: 3,
    votedFor: null,
    base: header.position,
    last: header.position,
    lastStampMs: header.stampMs,
    baseConfiguration: { position: header.position, configuration: alone },
    snapshot: { position: header.position, chain: header.chain, stampMs: header.stampMs },
    configurations: [],
  });
  expect(saved.snapshot).toEqual(snapshot);
});

test("the version that was active goes on too", async () => {
  const plugin = { name: "kv", version: "2", hash: "ab".repeat(32) };
  const activation = { position: { index: 100, term: 2 }, plugin, replaces: false };
  const { saved, snapshot } = await restored({ ...header, activation });
  expect([saved.baseActivation, snapshot.activation]).toEqual([activation, activation]);
});

test("a backup whose time has run on beyond any time of founding is restored, and its time goes on", async () => {
  const stampMs = foundedAtMsMax + 7;
  const { saved } = await restored({ ...header, stampMs });
  expect([saved.genesis?.foundedAtMs, saved.lastStampMs]).toEqual([foundedAtMsMax, stampMs]);
  checkState(restore(saved, { ...starting(), self }));
});

test("the snapshot is the new cluster's, so that those who join can take it for theirs", async () => {
  const { snapshots, snapshot } = await restored();
  expect(await snapshots.header(snapshot.file)).toMatchObject({
    cluster: "shop",
    clusterUuid: founder.clusterUuid,
    position: header.position,
    configuration: snapshot.configuration,
    plugin: header.plugin,
  });
  expect(Buffer.concat(await readAll(snapshots, snapshot)).equals(content)).toBe(true);
});

test("P41: the node leads by its own vote, and what its bootstrap table says has no effect", async () => {
  const { saved } = await restored();
  const bootstrap = ["n8", "n9"].map((id) => ({ id, address: `${id}:7400` }));
  const start = restore(saved, { ...starting({ bootstrap }), self });
  checkState(start);
  expect(start).toMatchObject({ founding: null, commitIndex: 120, appliedIndex: 120 });
  const standing = take(start, tick, asFollower(start).electionDueMs)[0];
  const elected = take(standing, persisted(standing.durability.issued))[0];
  const leading = take(elected, persisted(elected.durability.issued))[0];
  expect(leading).toMatchObject({ role: { kind: "leader" }, currentTerm: 4, commitIndex: 121 });
  expect(leading.log.lastStampMs).toBe(header.stampMs);
});

describe("the snapshot that a backup becomes", () => {
  /** A store whose writer says when it is called, and waits. */
  function slow() {
    const store = createMemoryLogStore({ incarnation });
    const did: string[] = [];
    const writes: PromiseWithResolvers<void>[] = [];
    const writer = {
      write: (chunk: Uint8Array) => {
        did.push(`write ${chunk.byteLength}`);
        writes.push(Promise.withResolvers());
        return writes.at(-1)!.promise;
      },
      finish: async () => {
        did.push("finish");
        return { file: "f", bytes: 3 };
      },
      abort: async () => void did.push("abort"),
    };
    const source = {
      header,
      async *chunks() {
        yield bytesOf(1);
        yield bytesOf(2);
      },
    };
    const write = store.write.bind(store);
    store.write = (...given) => {
      did.push("log");
      return write(...given);
    };
    const snapshots = { ...createMemorySnapshotStore(), create: async () => writer };
    const ended = restoreBackup({ store, snapshots: snapshots as never }, source, founder);
    const until = async (count: number): Promise<void> => {
      for (let turn = 0; did.length < count && turn < 20; turn++) await microtasks();
      await microtasks();
    };
    return { store, did, writes, ended, until };
  }

  test("leaves the log empty where it cannot be written, and the failure is told", async () => {
    const { store, did, writes, ended, until } = slow();
    await until(1);
    const full = new Error("the disk is full");
    writes[0]!.reject(full);
    expect(await ended.catch((error: unknown) => error)).toBe(full);
    expect([did, store.saved.genesis, store.saved.snapshot]).toEqual([["write 1"], null, null]);
  });

  test("is written one chunk after the other, and the log comes last", async () => {
    const { did, writes, ended, until } = slow();
    await until(1);
    expect(did).toEqual(["write 1"]);
    writes[0]!.resolve();
    await until(2);
    expect(did).toEqual(["write 1", "write 2"]);
    writes[1]!.resolve();
    await ended;
    expect(did).toEqual(["write 1", "write 2", "finish", "log"]);
  });
});
