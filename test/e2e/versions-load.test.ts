// A version is rolled out, and taken back, under load while leaders are killed at each stage: no client sees an error, each command takes
// effect once, and every node has applied each of them by the same version.
//
// GRAFT_ROLL_OUTS=10 runs it so often.
import { expect, test } from "bun:test";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GraftClient } from "../../src/client/client.ts";
import { LoadedCounter } from "./loaded-counter.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

const runs = Number(Bun.env["GRAFT_ROLL_OUTS"] ?? 1);
const clients = 16;
const leastEach = 300;

/** How many commands there were, and a mark in which every command leaves the version that applied it. */
const source = (version: string): string => `
  import { defineRawStateMachine } from "graft";
  const write = (count, mark) => new TextEncoder().encode(count + " " + mark);
  export default defineRawStateMachine({
    name: "marked", version: "${version}",
    create() {
      let [count, mark] = [0, 0];
      const take = (piece) => ([count, mark] = new TextDecoder().decode(piece).split(" ").map(Number));
      return {
        apply() {
          count++;
          mark = (mark * 31 + ${Number.parseInt(version, 10)}) % 1_000_000_007;
          return write(count, mark);
        },
        query: () => write(count, mark),
        snapshot: () => [write(count, mark)],
        restore: (piece) => void take(piece),
        migrate(piece, from) {
          take(piece);
          mark = (mark * 37 + from.length) % 1_000_000_007;
        },
      };
    },
  });`;

const nothing = new Uint8Array();
const valueThrough = async (client: GraftClient): Promise<string> =>
  new TextDecoder().decode((await client.query(nothing, { consistency: "linearizable" })).payload);

test.each(Array.from({ length: runs }, (_, nth) => nth + 1))(
  "run %d: sixteen clients see no error, and the nodes agree",
  async () => {
    const folder = await temporaryFolder();
    const versions = join(folder, "versions");
    await mkdir(versions);
    await writeFile(join(versions, "v1.ts"), source("1.0.0"));
    const cluster = await TestCluster.start({ plugin: versions });
    const load = new LoadedCounter(cluster.connect(), { workers: clients });
    const killLeader = async (): Promise<void> => {
      const leader = await cluster.leader();
      await cluster.process(leader).kill();
      cluster.run(leader);
    };
    /** Asked again while there is no leader, or not every voter has been heard: it is the same as asked once. */
    const rolledOut = (version: string): Promise<string> =>
      until(`${version} is active`, async () => {
        const { exitCode, stdout } = await cluster.graft(["plugin", "roll-out", version]);
        return exitCode === 0 ? stdout : null;
      });
    try {
      await load.progress(leastEach);
      await writeFile(join(versions, "v2.ts"), source("2.0.0"));
      // The new version comes to each node: the leader is killed among them.
      for (const { id } of cluster.layout.nodes) {
        await cluster.process(id).kill();
        cluster.run(id);
        await cluster.inStep();
        await load.progress(leastEach);
      }
      const forwards = rolledOut("2.0.0");
      await killLeader();
      expect(await forwards).toContain("marked 2.0.0");
      await load.progress(leastEach);
      await killLeader();
      await cluster.inStep();
      const back = rolledOut("1.0.0");
      await load.progress(leastEach / 3);
      await killLeader();
      expect(await back).toContain("marked 1.0.0");
      await load.progress(leastEach);
      await load.stop();
      expect(load.errors).toEqual([]);
      const { plugin, nodes } = await cluster.view();
      expect(plugin).toMatchObject({ name: "marked", version: "1.0.0" });
      expect(nodes.map(({ problem }) => problem)).toEqual([null, null, null]);
      const values = await Promise.all(
        cluster.layout.nodes.map(({ address }) => valueThrough(cluster.connect([address], { readFrom: "any" }))),
      );
      expect(new Set(values).size).toBe(1);
      expect(values[0]).toStartWith(`${load.acknowledged} `);
    } finally {
      await load.stop();
      await cluster.remove();
      await rm(folder, { recursive: true });
    }
  },
  240_000,
);
