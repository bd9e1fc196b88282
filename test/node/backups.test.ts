// A backup of a running cluster: it has everything that was acknowledged before it was asked for, whoever is asked, and its
// file stays as long as somebody reads it.
import { describe, expect, test } from "bun:test";
import { SnapshotParser } from "../../src/adapters/files/snapshot-parser.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { GraftError } from "../../src/errors.ts";
import { Backups, type BackupsOptions } from "../../src/node/backups.ts";
import type { BackupReadyReply, ClientReply } from "../../src/ports/requests.ts";
import { snapshotAt } from "../core/say.ts";
import type { Client } from "./client.ts";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

const lastReply = ({ raw }: Client): ClientReply => raw.at(-1)!;

async function backupOf(cluster: Cluster, client: Client): Promise<BackupReadyReply> {
  client.send((id) => ({ kind: "backup", id, timeoutMs: 5000 }));
  await cluster.advance(200);
  const reply = lastReply(client);
  if (reply.kind !== "backupReady") throw new Error(`a backup was expected, not ${JSON.stringify(reply)}`);
  return reply;
}

/** The whole file, in pieces of a size that fits nothing. */
async function download(cluster: Cluster, client: Client, { file, bytes }: BackupReadyReply): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < bytes;) {
    client.send((id) => ({ kind: "readBackup", id, file, offset, bytesMax: 97 }));
    await cluster.settle();
    const reply = lastReply(client);
    if (reply.kind !== "backupPiece" || reply.offset !== offset) throw new Error(`not a piece: ${reply.kind}`);
    pieces.push(reply.bytes);
    offset += reply.bytes.byteLength;
  }
  return Buffer.concat(pieces);
}

async function command(cluster: Cluster, ...texts: readonly string[]): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (const text of texts) client.command(text);
  await cluster.until("they are acknowledged", () => client.replies.length === texts.length);
}

describe("a running cluster", () => {
  test.each(["leader", "follower"])("the %s's has everything acknowledged, and is sound", async (role) => {
    const cluster = await Cluster.founded(three);
    const { id, node, machine } = role === "leader" ? cluster.leader : cluster.followers[0]!;
    await command(cluster, "a", "b", "c");
    const acknowledged = cluster.leader.node.state.commitIndex;
    const client = cluster.client(id);
    const ready = await backupOf(cluster, client);
    expect(ready.index).toBeGreaterThanOrEqual(acknowledged);
    expect(ready.index).toBe(node.state.snapshot!.position.index);
    expect(machine.queries).toEqual([]);
    const content = await download(cluster, client, ready);
    const parser = new SnapshotParser();
    parser.push(content);
    parser.finish();
    expect(parser.header).toMatchObject({ cluster: "test", position: { index: ready.index, term: ready.term } });
    expect({ bytes: content.length, checksum: parser.checksum }).toEqual({
      bytes: ready.bytes,
      checksum: ready.checksum,
    });
    await cluster.stopAll();
  });

  test("an old snapshot will not do, and one that has everything is not taken again", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client("n1");
    await command(cluster, "a");
    const first = await backupOf(cluster, client);
    expect((await backupOf(cluster, client)).file).toBe(first.file);
    await command(cluster, "b");
    const second = await backupOf(cluster, client);
    expect(second.index).toBeGreaterThan(first.index);
    expect(second.file).not.toBe(first.file);
    await cluster.stopAll();
  });

  test("a node that hears of no leader says so, and makes none", async () => {
    const cluster = await Cluster.founded(three);
    const lonely = cluster.followers[0]!;
    cluster.isolate(lonely.id);
    await cluster.advance(2_000);
    const client = cluster.client(lonely.id);
    client.send((id) => ({ kind: "backup", id, timeoutMs: 1000 }));
    await cluster.advance(1_500);
    expect(client.replies[0]).toMatch(/^1 (not-leader|unavailable)$/);
    expect(lonely.node.state.snapshot).toBeNull();
    await cluster.stopAll();
  });

  test("a piece of what is no backup is refused, also of a file that is there", async () => {
    const cluster = await Cluster.founded(three);
    await command(cluster, "a");
    const client = cluster.client("n1");
    const { file } = await backupOf(cluster, client);
    for (const other of ["000000000001-1-1.snapshot", "passwd"]) {
      client.send((id) => ({ kind: "readBackup", id, file: other, offset: 0, bytesMax: 10 }));
      await cluster.settle();
      expect(lastReply(client)).toMatchObject({ kind: "error", code: "rejected" });
    }
    // Nobody has read on for more than a minute.
    await cluster.advance(61_000, 500);
    client.send((id) => ({ kind: "readBackup", id, file, offset: 0, bytesMax: 10 }));
    await cluster.settle();
    expect(lastReply(client)).toMatchObject({ kind: "error", code: "rejected" });
    await cluster.stopAll();
  });

  test("P35: its file stays while it is read, whatever snapshots come after it", async () => {
    const cluster = new Cluster(["n1"], { tailEntriesMax: 0 });
    cluster.snapshotPolicy = { everyEntries: 3, everyBytes: 1e9 };
    const files = createMemorySnapshotFiles();
    await cluster.start("n1", { files });
    await cluster.electLeader();
    await command(cluster, "a", "b", "c");
    const client = cluster.client("n1");
    const ready = await backupOf(cluster, client);
    await command(cluster, ..."d e f g h i j k l m n o".split(" "));
    await cluster.advance(500);
    expect(cluster.leader.node.state.snapshot!.position.index).toBeGreaterThan(ready.index);
    expect((await download(cluster, client, ready)).length).toBe(ready.bytes);
    await cluster.advance(61_000, 500);
    await command(cluster, ..."p q r s t u".split(" "));
    await cluster.advance(500);
    expect([...files.complete.keys()]).not.toContain(ready.file);
    await cluster.stopAll();
  });
});

describe("what the state machine and the taker have to say", () => {
  const description = { name: "frail", version: "1", code: null, style: "raw", commands: [], queries: [] } as const;
  const handed = { index: 7, term: 1, stampMs: 0 };
  const at = (index: number) => snapshotAt({ index, term: 1 });

  const stops: unknown[] = [];

  function backups(more: Partial<BackupsOptions>): Backups {
    return new Backups({
      snapshots: createMemorySnapshotStore(),
      clock: { nowMs: () => 0 },
      taker: { handed, failure: null, take: () => Promise.resolve(at(7)) },
      description: () => ({ ...description, snapshots: true }),
      latest: () => null,
      mayShow: () => true,
      stop: (error) => void stops.push(error),
      ...more,
    });
  }

  test("one that makes no snapshots is not asked for one", async () => {
    const answer = await backups({ description: () => ({ ...description, snapshots: false }) }).take(5);
    expect(answer).toMatchObject({
      kind: "failed",
      error: { code: "rejected", message: expect.stringContaining("frail makes no snapshots") },
    });
  });

  test("nothing is handed out that was made of a state which is not to be trusted, nor the rest of it", async () => {
    let isTrusted = true;
    const read = () => Promise.resolve(new Uint8Array([1]));
    const all = backups({ snapshots: { read }, latest: () => at(7), mayShow: () => isTrusted });
    const { file } = at(7);
    expect(await all.take(7)).toMatchObject({ kind: "ok" });
    expect(await all.read(file, 0, 10)).toMatchObject({ kind: "ok" });
    const pending = all.read(file, 0, 10);
    isTrusted = false;
    all.drop();
    const refused = {
      kind: "failed",
      error: { code: "backup-failed", message: "the state of this node is not to be trusted" },
    };
    expect(await pending).toMatchObject(refused);
    expect(await all.read(file, 0, 10)).toMatchObject(refused);
    expect(await all.take(7)).toMatchObject(refused);
    expect(all.filesInUse).toEqual([]);
  });

  test("a snapshot that could not be taken leaves no backup, and the answer says why", async () => {
    const taker = { handed, take: () => Promise.resolve(null) };
    const failed = (message: string) => ({ kind: "failed", error: { code: "backup-failed", message } });
    const answer = await backups({ taker: { ...taker, failure: "its folder is gone" } }).take(5);
    expect(answer).toMatchObject(failed("no snapshot could be taken: its folder is gone"));
    const silent = await backups({ taker: { ...taker, failure: null } }).take(5);
    expect(silent).toMatchObject(failed("no snapshot could be taken"));
  });

  test("a log that cannot be read ends the node", async () => {
    const broken = new Error("a disk");
    const take = () => {
      throw broken;
    };
    expect(await backups({ taker: { handed, failure: null, take } }).take(5)).toMatchObject({
      error: { code: "backup-failed" },
    });
    expect(stops).toEqual([broken]);
  });

  test("a bounded number of pieces is read at once, and each one that ends, however it ends, makes room for another", async () => {
    const { file } = at(7);
    const held: PromiseWithResolvers<Uint8Array | null>[] = [];
    const read = (): Promise<Uint8Array | null> => {
      held.push(Promise.withResolvers());
      return held.at(-1)!.promise;
    };
    const all = backups({ snapshots: { read }, latest: () => at(7) });
    await all.take(7);
    const piece = () => all.read(file, 0, 10);
    const overloaded = { kind: "failed", error: { code: "overloaded" } };
    const begun = Array.from({ length: 64 }, piece);
    expect(await piece()).toMatchObject(overloaded);
    held[0]!.resolve(new Uint8Array(10));
    held[1]!.resolve(null);
    held[2]!.reject(new GraftError("storage", "the disk"));
    expect((await Promise.all(begun.slice(0, 3))).map(({ kind }) => kind)).toEqual(["ok", "failed", "failed"]);
    const more = [piece(), piece(), piece()];
    expect(await piece()).toMatchObject(overloaded);
    for (const each of held) each.resolve(new Uint8Array(10));
    expect((await Promise.all([...begun, ...more])).filter(({ kind }) => kind === "ok")).toHaveLength(65);
  });

  test("one that was under way and began too early is followed by another", async () => {
    const taken = [at(3), at(7)];
    const both = backups({ taker: { handed, failure: null, take: () => Promise.resolve(taken.shift() ?? null) } });
    expect(await both.take(5)).toMatchObject({ kind: "ok", value: { position: { index: 7 } } });
    expect(taken).toEqual([]);
    expect(both.filesInUse).toEqual([at(7).file]);
  });

  test("files whose time is up are all let go at once, and none that is still read", async () => {
    const time = { nowMs: 0 };
    const latest = { index: 3 };
    const reads: unknown[][] = [];
    const read = async (...given: unknown[]): Promise<Uint8Array> => {
      reads.push(given);
      return new Uint8Array(1);
    };
    const kept = backups({ snapshots: { read }, latest: () => at(latest.index), clock: { nowMs: () => time.nowMs } });
    for (const index of [3, 5, 7]) {
      latest.index = index;
      await kept.take(index);
      time.nowMs += 10_000;
    }
    await kept.read(at(5).file, 3, 10);
    expect(reads).toEqual([[at(5).file, 3, 10]]);
    time.nowMs = 59_000;
    await kept.read(at(7).file, 0, 10);
    time.nowMs = 100_000;
    expect(kept.filesInUse).toEqual([at(7).file]);
    expect(await kept.read(at(5).file, 0, 10)).toMatchObject({ error: { code: "rejected" } });
  });

  test("its file is kept for a minute from the last piece on, also from the end of one that takes long to read", async () => {
    const time = { nowMs: 0 };
    const { file } = at(7);
    const held: PromiseWithResolvers<Uint8Array>[] = [];
    const read = (): Promise<Uint8Array> => {
      held.push(Promise.withResolvers());
      return held.at(-1)!.promise;
    };
    const kept = backups({ snapshots: { read }, latest: () => at(7), clock: { nowMs: () => time.nowMs } });
    await kept.take(7);
    time.nowMs += 59_999;
    const first = kept.read(file, 0, 10);
    time.nowMs += 59_999;
    expect(kept.filesInUse).toEqual([file]);
    held[0]!.resolve(new Uint8Array(10));
    expect((await first).kind).toBe("ok");
    time.nowMs += 59_999;
    expect(kept.filesInUse).toEqual([file]);
    time.nowMs += 1;
    expect(kept.filesInUse).toEqual([]);
    expect(await kept.read(file, 10, 10)).toMatchObject({ kind: "failed", error: { code: "rejected" } });
    expect(held).toHaveLength(1);
  });
});
