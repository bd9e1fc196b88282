// The command line against a cluster of three processes: what goes in comes out, from any node, and every exit code is real.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Ran, temporaryFolder, TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
});
afterAll(() => cluster.remove());

const at = (id: string): readonly string[] => ["-c", cluster.node(id).address];
const put = (key: string, value: string, ...flags: readonly string[]): Promise<Ran> =>
  cluster.graft(["execute", "command", "put", JSON.stringify({ key, value }), ...flags]);
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

describe("any node answers", () => {
  test("a command given to the leader or to a follower takes effect everywhere", async () => {
    const leader = await cluster.leader();
    const [follower = ""] = await cluster.followers();
    for (const id of [leader, follower]) {
      expect(await put(`via ${id}`, "1", ...at(id))).toMatchObject({
        exitCode: 0,
        stdout: '{"created":true}\n',
        stderr: "",
      });
    }
    for (const { id } of cluster.layout.nodes) {
      const got = await cluster.graft(["execute", "query", "get", `{"key":"via ${leader}"}`, ...at(id)]);
      expect(got).toMatchObject({ exitCode: 0, stdout: "1" });
    }
  });

  test("--json is one document with the result, its index and its term", async () => {
    const done = JSON.parse((await put("json", "ü\n", "--json")).stdout);
    expect(done).toEqual({ result: { created: true }, index: expect.any(Number), term: expect.any(Number) });
    const got = JSON.parse((await cluster.graft(["--json", "execute", "query", "get", '{"key":"json"}'])).stdout);
    expect(got).toEqual({ result: "ü\n", index: expect.any(Number), term: done.term });
    expect(got.index).toBeGreaterThanOrEqual(done.index);
  });

  test("a stale read says how old it is at the most, and any node answers it", async () => {
    await put("stale", "1");
    const args = ["execute", "query", "get", '{"key":"stale"}', "--consistency", "stale", "--max-staleness", "10s"];
    for (const { id } of cluster.layout.nodes) {
      const got = await cluster.graft([...args, ...at(id)]);
      expect(got).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/at most \d+ ms old/) });
      const document = JSON.parse((await cluster.graft([...args, "--json", ...at(id)])).stdout);
      expect(document.stalenessMs).toBeLessThan(10_000);
    }
    const wrong = await cluster.graft(["execute", "query", "get", "{}", "--consistency", "eventual"]);
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("linearizable or stale") });
  });

  test("a missing key is null", async () => {
    const got = await cluster.graft(["execute", "query", "get", '{"key":"nobody"}', "--json"]);
    expect(JSON.parse(got.stdout)).toMatchObject({ result: null });
    expect((await cluster.graft(["execute", "query", "get", '{"key":"nobody"}'])).stdout).toBe("null\n");
  });
});

describe("bytes come out as they went in", () => {
  test("1 MiB of random bytes, from a file to a file", async () => {
    const bytes = randomBytes(1024 * 1024);
    const [into, out] = ["in.bin", "out.bin"].map((name) => join(cluster.layout.dir, name));
    writeFileSync(into ?? "", bytes);
    const done = await cluster.graft(["execute", "command", "put", '{"key":"file"}', "--file", `value=${into}`]);
    expect(done).toMatchObject({ exitCode: 0 });
    const got = await cluster.graft(["execute", "query", "get", '{"key":"file"}', "--out", out ?? ""]);
    expect(got).toMatchObject({ exitCode: 0 });
    expect(sha256(readFileSync(out ?? ""))).toBe(sha256(bytes));
  });

  test("random bytes, from standard input to standard output", async () => {
    const bytes = randomBytes(70_000);
    const done = await cluster.graft(["execute", "command", "put", '{"key":"pipe"}', "--stdin=value"], {
      stdin: bytes,
    });
    expect(done).toMatchObject({ exitCode: 0 });
    const got = await cluster.graft(["execute", "query", "get", '{"key":"pipe"}']);
    expect(sha256(got.stdoutBytes)).toBe(sha256(bytes));
  });

  test("base64 in JSON, both ways, and hexadecimal for people", async () => {
    const done = await cluster.graft(["execute", "command", "put", '{"key":"b","value":{"base64":"/wD+"}}']);
    expect(done).toMatchObject({ exitCode: 0 });
    const query = ["execute", "query", "get", '{"key":"b"}'];
    expect(JSON.parse((await cluster.graft([...query, "--json"])).stdout)).toMatchObject({
      result: { base64: "/wD+" },
    });
    expect((await cluster.graft([...query, "--hex"])).stdout).toBe("ff00fe\n");
    expect((await cluster.graft([...query, "--base64"])).stdout).toBe("/wD+\n");
  });
});

describe("the cluster is shown", () => {
  test("status, in words and as a document", async () => {
    await cluster.caughtUp();
    const leader = await cluster.leader();
    const status = JSON.parse((await cluster.graft(["cluster", "status", "--json"])).stdout);
    expect(status).toMatchObject({ cluster: "test", leader, waitingFor: [], plugin: { name: "kv", since: 2 } });
    expect(status.nodes).toHaveLength(3);
    for (const node of status.nodes) {
      expect(node).toEqual({
        id: expect.stringMatching(/^n[123]$/),
        address: cluster.node(node.id).address,
        role: node.id === leader ? "leader" : "follower",
        voter: true,
        outgoing: false,
        pending: null,
        priority: 0,
        snapshot: null,
        problem: null,
        reachable: true,
        matchIndex: status.commitIndex,
        appliedIndex: status.commitIndex,
        plugins: [{ name: "kv", version: "1.1.0", hash: expect.stringMatching(/^[0-9a-f]{64}$/) }],
        lagEntries: 0,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      });
    }
    const words = await cluster.graft(["cluster", "status"]);
    expect(words).toMatchObject({ exitCode: 0, stderr: "" });
    expect(words.stdout).toContain(`leader ${leader}`);
    expect(words.stdout).not.toContain("\u001b");
  });

  test("configuration", async () => {
    const { members } = JSON.parse((await cluster.graft(["cluster", "configuration", "--json"])).stdout);
    expect(members.map(({ id, voter }: { id: string; voter: boolean }) => [id, voter]).sort()).toEqual([
      ["n1", true],
      ["n2", true],
      ["n3", true],
    ]);
  });

  test("leadership goes to whom it is handed", async () => {
    const [next = ""] = await cluster.followers();
    const handed = await cluster.graft(["cluster", "leader", next, "--json"]);
    expect(JSON.parse(handed.stdout)).toMatchObject({ leader: { id: next } });
    const shown = await cluster.graft(["cluster", "leader", "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ leader: { id: next } });
  });
});

describe("exit codes", () => {
  const code = (ran: Ran): unknown => [ran.exitCode, JSON.parse(ran.stdout).error?.code];

  test("1: the state machine refuses the command", async () => {
    const ran = await cluster.graft(["execute", "command", "put", '{"key":""}', "--json"]);
    expect(code(ran)).toEqual([1, "rejected"]);
    expect(JSON.parse(ran.stdout).error.message).toContain("value");
  });

  test("2: a mistyped operation, with the one that was meant", async () => {
    const ran = await cluster.graft(["execute", "command", "putt", "{}", "--json"]);
    expect(code(ran)).toEqual([2, "usage"]);
    expect(JSON.parse(ran.stdout).error.message).toMatch(/did you mean put\?.*put, delete, cas/);
    const words = await cluster.graft(["execute", "command", "get", "{}"]);
    expect(words).toMatchObject({ exitCode: 2, stdout: "" });
    expect(words.stderr).toContain("graft execute query get");
  });

  test("3: with its followers frozen a leader opens no session, so that nothing has happened; then it leads no more", async () => {
    const leader = await cluster.leader();
    const followers = await cluster.followers();
    for (const id of followers) cluster.process(id).signal("SIGSTOP");
    try {
      const unopened = await put("unopened", "?", "--json", "--timeout", "3s", ...at(leader));
      expect(code(unopened)).toEqual([3, "unavailable"]);
      const none = await put("none", "?", "--json", "--timeout", "1s", ...at(leader));
      expect(code(none)).toEqual([3, "unavailable"]);
    } finally {
      for (const id of followers) cluster.process(id).signal("SIGCONT");
    }
    await cluster.caughtUp();
    for (const key of ["unopened", "none"]) expect((await put(key, "again")).stdout).toBe('{"created":true}\n');
  });

  test("4: a state machine that hangs leaves the outcome open", async () => {
    const folder = await temporaryFolder();
    const plugin = join(folder, "hangs.ts");
    const apply = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
    const machine = `({ apply: () => ${apply}, query: () => new Uint8Array() })`;
    writeFileSync(plugin, `export default { style: "raw", name: "hangs", version: "1", create: () => ${machine} };`);
    const hanging = await TestCluster.start({ nodes: 1, plugin });
    try {
      const ran = await hanging.graft(["execute", "command", "x", "--json", "--timeout", "1s"]);
      expect(code(ran)).toEqual([4, "outcome-unknown"]);
    } finally {
      await hanging.remove();
      await rm(folder, { recursive: true });
    }
  });

  test("3: nobody listens there", async () => {
    const ran = await cluster.graft(["cluster", "status", "-c", "127.0.0.1:1", "--timeout", "300", "--json"]);
    expect(code(ran)).toEqual([3, "unavailable"]);
  });
});
