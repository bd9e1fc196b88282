// A story is a test whose transcript is kept: it is compared with the text file of its name. `UPDATE=1 bun test
// test/scenarios` writes the files anew; the difference is for a person to read before it is committed.
import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import type { Settings } from "../../src/core/settings.ts";
import { Cluster } from "./cluster.ts";

interface Setting {
  readonly nodes?: readonly string[];
  readonly settings?: Partial<Settings>;
  /** Nodes beside `nodes` that wait to be added. */
  readonly joiners?: readonly string[];
}

/** `name` is the file's, `title` the test's. */
export function story(name: string, title: string, tell: (cluster: Cluster) => void, setting: Setting = {}): void {
  test(title, async () => {
    const { nodes = ["n1", "n2", "n3"], joiners = [], settings } = setting;
    const cluster = new Cluster([...nodes, ...joiners], settings, joiners);
    tell(cluster);
    const transcript = `${title}\n${cluster.lines.join("\n")}\n`;
    const file = fileURLToPath(new URL(`${name}.txt`, import.meta.url));
    if (process.env["UPDATE"] === "1") await Bun.write(file, transcript);
    expect(transcript).toBe(await Bun.file(file).text());
  });
}

/** A cluster that has been founded and led by `id` for a while; nothing of it is written down but how it stands. */
export function begin(cluster: Cluster, id: string, ...ids: readonly string[]): void {
  cluster.aside(`A cluster of ${ids.length}; ${id} leads.`, () => {
    cluster.start(...ids);
    cluster.connectAll();
    cluster.settle();
    elect(cluster, id);
  });
}

/** The node's timer fires first, and it wins. A timer that is long overdue fires twice: the node thinks it was asleep. */
export function elect(cluster: Cluster, id: string): void {
  for (let attempts = 0; cluster.state(id).role.kind !== "leader"; attempts++) {
    if (attempts > 10) throw new Error(`${id} does not win`);
    cluster.fire(id);
    cluster.settle();
  }
}
