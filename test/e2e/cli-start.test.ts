// What keeps a node from starting, or makes it end: mistakes in its file, a plugin that cannot be used, a data directory that
// belongs to somebody else. Each says what is wrong and what to do.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { graft, type Ran, TestCluster, until } from "./test-cluster.ts";

describe("mistakes in files", () => {
  let cluster: TestCluster;
  let text: string;
  beforeAll(async () => {
    cluster = await TestCluster.create({ nodes: 1 });
    text = readFileSync(cluster.node("n1").config, "utf8");
  });
  afterAll(() => cluster.remove());

  const startWith = (changed: string, ...flags: readonly string[]): Promise<Ran> => {
    const path = join(cluster.layout.dir, "changed.toml");
    writeFileSync(path, changed);
    return cluster.graft(["start", "--config", path, ...flags]);
  };

  test("five mistakes are named at once, each with its line", async () => {
    const lines = text
      .replace('id = "n1"', 'id = "n 1"')
      .replace(/listen = ".*"/, 'listen = "127.0.0.1"')
      .replace("[access]", "[acess]")
      .replace('plugin = "kv"', 'pluginn = "kv"')
      .split("\n");
    const changed = [...lines, "[raft]", 'election_timeout_ms = "soon"'].join("\n");
    const ran = await startWith(changed);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    const lineOf = (start: string): number => changed.split("\n").findIndex((line) => line.startsWith(start)) + 1;
    for (const start of ['id = "n 1"', "listen", "[acess]", "pluginn", "election_timeout_ms"]) {
      expect(ran.stderr).toContain(`changed.toml:${lineOf(start)}: `);
    }
    const told = JSON.parse((await startWith(changed, "--json")).stdout);
    expect(told.error).toMatchObject({ code: "config", message: expect.stringContaining("changed.toml:") });
  });

  test("a plugin that is missing, does not parse or lacks a function is named by its path", async () => {
    const plugin = join(cluster.layout.dir, "plugin.ts");
    const use = (): Promise<Ran> => startWith(text.replace('plugin = "kv"', 'plugin = "./plugin.ts"'));
    const refused = async (problem: RegExp): Promise<void> => {
      const ran = await use();
      expect(ran.exitCode).toBe(1);
      expect(ran.stderr).toContain(plugin);
      expect(ran.stderr).toMatch(problem);
      expect(existsSync(cluster.node("n1").dataDir)).toBe(false);
    };
    await refused(/does not exist/);
    writeFileSync(plugin, "export default {");
    await refused(/does not parse/);
    writeFileSync(plugin, 'export default { style: "raw", name: "half", version: "1" };');
    await refused(/create/);
  });

  test("a port that is taken", async () => {
    const { address } = cluster.node("n1");
    const port = Number(address.split(":").at(-1));
    const taken = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    try {
      const ran = await startWith(text);
      expect(ran.exitCode).toBe(1);
      expect(ran.stderr).toContain(`cannot listen on ${address}`);
    } finally {
      taken.stop(true);
    }
  });

  test("no file, and no such file", async () => {
    expect(await graft(["start"])).toMatchObject({ exitCode: 2 });
    const ran = await graft(["start", "--config", "/nowhere/node.toml"]);
    expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("/nowhere/node.toml") });
  });
});

describe("whose data it is", () => {
  test("a second process on a data directory is refused, and the first goes on", async () => {
    const cluster = await TestCluster.start({ nodes: 1 });
    try {
      const second = await cluster.graft(["start", "--config", cluster.node("n1").config]);
      expect(second.exitCode).toBe(1);
      expect(second.stderr).toContain(cluster.node("n1").dataDir);
      expect(second.stderr).toMatch(/another process/i);
      expect((await cluster.graft(["execute", "command", "put", '{"key":"a","value":"1"}'])).exitCode).toBe(0);
    } finally {
      await cluster.remove();
    }
  });

  test("P42: a node whose disk was wiped neither votes nor founds anew, and says what to do", async () => {
    const cluster = await TestCluster.start();
    try {
      // n3 lags, n1 is among those who have the command.
      await cluster.process("n3").kill();
      const done = await cluster.graft(["execute", "command", "put", '{"key":"kept","value":"yes"}']);
      expect(done.exitCode).toBe(0);
      const { term } = await cluster.view();
      for (const id of ["n1", "n2"]) await cluster.process(id).kill();
      rmSync(cluster.node("n1").dataDir, { recursive: true });

      cluster.run("n3");
      const wiped = cluster.run("n1");
      expect(await wiped.exited).toBe(1);
      expect(cluster.logOf("n1")).toMatch(/must not vote as the old n1.*takes the place of the old n1/);

      const alone = await cluster.connect([cluster.node("n3").address]).status();
      expect(alone).toMatchObject({ node: "n3", leader: null });
      expect(alone.waitingFor.join()).toContain("n1 at");
      cluster.run("n2");
      const got = await until("n2 and n3 lead and answer", async () => {
        const ran = await cluster.graft(["execute", "query", "get", '{"key":"kept"}', "--timeout", "2s"]);
        return ran.exitCode === 0 ? ran : null;
      });
      expect(got.stdout).toBe("yes");
      expect((await cluster.view()).term).toBeGreaterThan(term);
    } finally {
      await cluster.remove();
    }
  });
});

describe("how a node ends", () => {
  test("SIGTERM ends it with 0 while its plugin is still loading", async () => {
    const cluster = await TestCluster.create({ nodes: 1 });
    try {
      const { config, dataDir } = cluster.node("n1");
      writeFileSync(join(cluster.layout.dir, "endless.ts"), "await new Promise(() => {});\nexport default {};");
      writeFileSync(
        config,
        readFileSync(config, "utf8").replace(/plugin = ".*"/, `plugin = "${cluster.layout.dir}/endless.ts"`),
      );
      const loading = cluster.run("n1");
      await until("the plugin is being loaded", () => cluster.logOf("n1").includes("loading plugin"));
      loading.signal("SIGTERM");
      expect(await loading.exited).toBe(0);
      expect(cluster.logOf("n1")).toContain("stopped while the plugin was loading");
      expect(existsSync(dataDir)).toBe(false);
    } finally {
      await cluster.remove();
    }
  });

  test("SIGTERM and the end of standard input end it with 0, `graft stop` from afar too", async () => {
    const cluster = await TestCluster.start();
    try {
      await cluster.caughtUp();
      const stopped = await cluster.graft(["stop", "n1", "--json"]);
      expect(JSON.parse(stopped.stdout)).toEqual({ stopped: "n1", address: cluster.node("n1").address });
      expect(await cluster.process("n1").exited).toBe(0);
      expect(await cluster.graft(["stop", "n9"])).toMatchObject({ exitCode: 2 });
      expect(await cluster.process("n2").stop()).toBe(0);
      cluster.process("n3").signal("SIGTERM");
      expect(await cluster.process("n3").exited).toBe(0);
    } finally {
      await cluster.remove();
    }
  });

  test("`graft stop --config` needs no cluster that knows the node", async () => {
    const cluster = await TestCluster.create();
    try {
      const lonely = cluster.run("n2");
      await until(
        "n2 listens",
        async () => (await cluster.graft(["cluster", "status", "--timeout", "1s"])).exitCode === 0,
      );
      const waiting = JSON.parse((await cluster.graft(["cluster", "status", "--json"])).stdout);
      expect(waiting.leader).toBeNull();
      expect(waiting.waitingFor.join()).toMatch(/n1 at .*n3 at /);
      const ran = await cluster.graft(["stop", "--config", cluster.node("n2").config]);
      expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("n2") });
      expect(await lonely.exited).toBe(0);
    } finally {
      await cluster.remove();
    }
  });
});
