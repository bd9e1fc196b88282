// Who does not belong to the cluster is refused, both sides say why, and the node goes on: P53 and P55 against the binary.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findFreePorts } from "../../src/local/free-ports.ts";
import { createLocalCluster, type LocalCluster } from "../../src/local/local-cluster.ts";
import { temporaryFolder, TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;
const others: LocalCluster[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start({ nodes: 1 });
});
afterAll(async () => {
  await cluster.remove();
  for (const { dir } of others) await rm(dir, { recursive: true, force: true });
});

/** Certificates of another authority; nothing of it runs. */
async function strangers(id: string): Promise<LocalCluster> {
  const made = await createLocalCluster({ dir: await temporaryFolder(), id, ports: findFreePorts(1), plugin: "kv" });
  others.push(made);
  return made;
}

const pathIn = (of: { readonly dir: string }, name: string): string => join(of.dir, "certs", name);
const pem = (of: { readonly dir: string }, name: string): string => readFileSync(pathIn(of, name), "utf8");
const port = (): number => Number(cluster.node("n1").address.split(":").at(-1));
/** Where the log of the node stands, to look only at what comes after. */
const logMark = (): number => cluster.logOf("n1").length;
const logSays = (since: number, what: RegExp): Promise<boolean> =>
  until(`the node's log says ${what}`, () => what.test(cluster.logOf("n1").slice(since)));

async function stillAnswers(): Promise<void> {
  const ran = await cluster.graft(["execute", "command", "put", '{"key":"alive","value":"1"}']);
  expect(ran).toMatchObject({ exitCode: 0 });
}

interface Raw {
  readonly received: () => number;
  readonly secured: Promise<void>;
  readonly closed: Promise<string>;
  readonly send: (bytes: string | Uint8Array) => void;
}

/** A connection that speaks TLS with what it is given, or plain TCP. `closed` resolves with what went wrong, if anything. */
async function raw(tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | null): Promise<Raw> {
  const secured = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  let bytes = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: port(),
    ...(tls === null ? {} : { tls: { ...tls, rejectUnauthorized: false } }),
    socket: {
      handshake: () => secured.resolve(),
      data: (_, chunk) => void (bytes += chunk.length),
      close: (_, error) => closed.resolve(error?.message ?? ""),
      error: (_, error) => closed.resolve(error.message),
    },
  });
  return {
    received: () => bytes,
    secured: secured.promise,
    closed: closed.promise,
    send: (data) => void socket.write(data),
  };
}

describe("P53: a certificate that does not belong", () => {
  test("another authority: the client does not trust the node, and says so; nor the node the client", async () => {
    const other = await strangers("test");
    const flags = (ca: string): readonly string[] => [
      "--ca",
      ca,
      "--cert",
      pathIn(other, "admin.crt"),
      "--key",
      pathIn(other, "admin.key"),
      "--json",
    ];
    const ran = await cluster.graft(["cluster", "status", ...flags(pathIn(other, "ca.crt"))]);
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.stdout).error).toMatchObject({
      code: "unauthorized",
      message: expect.stringMatching(/another CA/),
    });

    const mark = logMark();
    const stranger = await raw({
      ca: pem(cluster.layout, "ca.crt"),
      cert: pem(other, "admin.crt"),
      key: pem(other, "admin.key"),
    });
    await stranger.closed;
    expect(stranger.received()).toBe(0);
    await logSays(mark, /certificate is signed by another CA/);
    await stillAnswers();
  });

  test("no certificate at all", async () => {
    const mark = logMark();
    const stranger = await raw({ ca: pem(cluster.layout, "ca.crt") });
    await stranger.closed;
    expect(stranger.received()).toBe(0);
    await logSays(mark, /has no certificate/);
    await stillAnswers();
  });

  test("another cluster", async () => {
    const other = await strangers("elsewhere");
    const ran = await cluster.graft(["cluster", "status", "-c", cluster.node("n1").address, "--json"], {
      cwd: other.dir,
    });
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.stdout).error.code).toBe("unauthorized");
    await stillAnswers();
  });

  test("a client that is no administrator may not stop the node", async () => {
    const issued = await cluster.graft(["certs", "issue", "--client", "guest"]);
    expect(issued.exitCode).toBe(0);
    const as = (name: string): readonly string[] => [
      "--cert",
      pathIn(cluster.layout, `${name}.crt`),
      "--key",
      pathIn(cluster.layout, `${name}.key`),
    ];
    const ran = await cluster.graft(["stop", "n1", ...as("guest"), "--json"]);
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.stdout).error).toMatchObject({ code: "unauthorized" });
    expect((await cluster.graft(["execute", "query", "list", ...as("guest")])).exitCode).toBe(0);
  });
});

describe("what does not speak the protocol", () => {
  test("plain text is hung up on", async () => {
    const mark = logMark();
    const stranger = await raw(null);
    stranger.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await stranger.closed;
    await logSays(mark, /plain HTTP|does not speak TLS/);
    await stillAnswers();
  });

  test("P55: a frame that claims 4 GiB is refused before anything is allocated", async () => {
    const memoryKib = (): number => {
      const status = readFileSync(`/proc/${cluster.process("n1").pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    };
    const before = memoryKib();
    const mark = logMark();
    const { layout } = cluster;
    const hostile = await raw({
      ca: pem(layout, "ca.crt"),
      cert: pem(layout, "admin.crt"),
      key: pem(layout, "admin.key"),
    });
    await hostile.secured;
    hostile.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x80]));
    await hostile.closed;
    await logSays(mark, /4294967295/);
    expect(memoryKib() - before).toBeLessThan(256 * 1024);
    await stillAnswers();
  });
});
