// P68: several clusters of one name are never mixed: the first that a client reaches counts, or the one whose uuid it was given. The
// nodes are scripts behind the Dial seam.
import { describe, expect, test } from "bun:test";
import { GraftClient, type ClientOptions } from "../../src/client/client.ts";
import { viewCluster } from "../../src/client/cluster-view.ts";
import type { Dial } from "../../src/client/connection.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientReply, ClientRequest, NodeStatus } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";
import { statusRow } from "./status-row.ts";

interface ScriptedNode {
  readonly id: string;
  /** What its hello and its status say; null: it has joined no cluster. */
  hello: string | null;
  status: string | null;
  /** Those whose rows its status has. */
  readonly knows: readonly string[];
}

const node = (id: string, uuid: string | null, ...knows: readonly string[]): ScriptedNode => ({
  id,
  hello: uuid,
  status: uuid,
  knows: [`${id}:1`, ...knows],
});

class TwoClusters {
  readonly time = new PlayedTime();
  readonly asked: string[] = [];
  readonly #nodes: Readonly<Record<string, ScriptedNode>>;

  /** Each node at `<id>:1`. */
  constructor(...nodes: readonly ScriptedNode[]) {
    this.#nodes = Object.fromEntries(nodes.map((each) => [`${each.id}:1`, each]));
  }

  client(addresses: readonly string[], options: Partial<ClientOptions> = {}): GraftClient {
    return new GraftClient({ addresses, dial: this.#dial, clock: this.time, session: "none", ...options });
  }

  /** "answered", or the error. */
  async put(client: GraftClient): Promise<string> {
    const answer = client.command(Uint8Array.of(1), { timeoutMs: 2000 });
    return this.time.until(
      answer.then(
        () => "answered",
        ({ code, message }: GraftError) => `${code}: ${message}`,
      ),
    );
  }

  readonly #dial: Dial = async (address, { onReply }) => {
    const found = this.#nodes[address];
    if (found === undefined) throw new GraftError("unavailable", "connection refused");
    const send = (request: ClientRequest): void => {
      this.asked.push(`${address} ${request.kind}`);
      queueMicrotask(() => onReply(this.#answer(found, request)));
    };
    return { clusterUuid: found.hello, send, close: () => {} };
  };

  #answer({ id: name, status, knows }: ScriptedNode, { kind, id }: ClientRequest): ClientReply {
    if (kind === "configuration") {
      const own = { clusterUuid: status, node: name, incarnation: "a", removed: false };
      return { kind, id, ...own, index: 3, members: [], pending: [], committed: true };
    }
    if (kind !== "status")
      return { kind: "result", id, payload: Uint8Array.of(2), index: 5, term: 1, stalenessMs: null };
    const nodes = knows.map((address) => row(address.slice(0, -2)));
    const leader = status === null ? null : { id: name, address: `${name}:1` };
    const counts = { term: 1, commitIndex: 5, agreesThrough: null, plugin: null };
    return { kind, id, cluster: "demo", clusterUuid: status, node: name, leader, ...counts, nodes, waitingFor: [] };
  }
}

const row = (id: string): NodeStatus => statusRow(id, { reachable: true });

type Inspect = (client: GraftClient, address: string) => Promise<{ readonly clusterUuid: string | null }>;

describe("P68: a client of several clusters with one name", () => {
  test("speaks to the first that it reaches, and to no other when that one is gone", async () => {
    const one = node("a", "c1");
    const clusters = new TwoClusters(one, node("b", "c2"));
    const client = clusters.client(["a:1", "b:1"]);
    expect(client.clusterUuid).toBeNull();
    expect(await clusters.put(client)).toBe("answered");
    expect(client.clusterUuid).toBe("c1");
    // Another cluster runs at its address now.
    await client.close();
    const next = clusters.client(["b:1", "a:1"], { clusterUuid: "c1" });
    expect(await clusters.put(next)).toBe("answered");
    expect(clusters.asked).toEqual(["a:1 command", "a:1 command"]);
    expect(next.otherClusters).toEqual([{ address: "b:1", clusterUuid: "c2" }]);
    await next.close();
  });

  test("that finds only others says which, and nothing has happened", async () => {
    const clusters = new TwoClusters(node("a", "c1"), node("b", "c2"));
    const client = clusters.client(["a:1", "b:1"], { clusterUuid: "c3" });
    expect(await clusters.put(client)).toMatch(
      /^wrong-cluster: the node at [ab]:1 belongs to another cluster of the same name \(uuid c[12], not c3\)/,
    );
    expect(clusters.asked).toEqual([]);
    await client.close();
  });

  test.each(["c10", "C1", "c"])("does not take the cluster %s for c1", async (uuid) => {
    const clusters = new TwoClusters(node("a", uuid));
    const client = clusters.client(["a:1"], { clusterUuid: "c1" });
    expect(await clusters.put(client)).toStartWith("wrong-cluster: ");
    await client.close();
  });

  test("that waits for a node of its own says that another cluster answers", async () => {
    const clusters = new TwoClusters(node("b", "c2"));
    const client = clusters.client(["a:1", "b:1"], { clusterUuid: "c1" });
    expect(await clusters.put(client)).toStartWith(
      "unavailable: not answered in time: the node at b:1 belongs to another cluster",
    );
    await client.close();
  });

  test.each<readonly [string, Inspect]>([
    ["status", (client, address) => client.status(address)],
    ["configuration", (client, address) => client.configuration({}, address)],
  ])("is told no %s by a node that joined another cluster after it was dialled", async (_, inspect) => {
    const late = node("b", null);
    const clusters = new TwoClusters(node("a", "c1"), late);
    const client = clusters.client(["a:1", "b:1"]);
    expect(await clusters.put(client)).toBe("answered");
    expect((await inspect(client, "b:1")).clusterUuid).toBeNull();
    late.status = "c2";
    const answer = await inspect(client, "b:1").catch((error: GraftError) => error.code);
    expect(answer).toBe("wrong-cluster");
    await client.close();
  });

  test("asks another node when the first one has joined another cluster after it was dialled", async () => {
    const late = node("b", null);
    const clusters = new TwoClusters(late, node("a", "c1"));
    const client = clusters.client(["b:1", "a:1"], { clusterUuid: "c1" });
    await client.status("b:1");
    late.status = "c2";
    expect((await clusters.time.until(client.status())).node).toBe("a");
    await client.close();
  });

  test("gives no command to a node before its hello says which cluster it belongs to", async () => {
    const late = node("b", null);
    const clusters = new TwoClusters(late);
    const client = clusters.client(["b:1"], { clusterUuid: "c1" });
    await client.status("b:1");
    const put = clusters.put(client);
    await clusters.time.pass(300);
    expect(clusters.asked).toEqual(["b:1 status"]);
    late.hello = "c1";
    expect(await put).toBe("answered");
    await client.close();
  });

  test("sees one cluster in the status, and which addresses are another one's", async () => {
    const clusters = new TwoClusters(node("a", "c1", "b:1"), node("b", "c2", "a:1", "d:1"), node("d", "c2"));
    const client = clusters.client(["a:1", "b:1", "d:1"]);
    const view = await clusters.time.until(viewCluster(client, 2000));
    expect(view.clusterUuid).toBe("c1");
    expect(view.nodes.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(view.answering).toEqual([{ address: "a:1", id: "a" }]);
    expect(view.otherClusters).toEqual([
      { address: "b:1", clusterUuid: "c2" },
      { address: "d:1", clusterUuid: "c2" },
    ]);
    await client.close();
  });
});
