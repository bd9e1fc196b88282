// A session's number is easy to guess and is of no use to another client: against the binary, with a client that sends what a
// client library never would, and across a restart from a snapshot and a backup that is restored.
import { afterEach, expect, test } from "bun:test";
import { renameSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { waitForLeader } from "../../src/client/cluster-view.ts";
import { Connection, type RequestBody } from "../../src/client/connection.ts";
import { tlsDial } from "../../src/client/dial.ts";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import { patienceMs, TestCluster } from "./test-cluster.ts";

let open: TestCluster | null = null;
const connections: Connection[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await open?.remove();
  open = null;
});

/** One connection of the client `name` to n1, without the library on top. */
function rawClient(cluster: TestCluster, name: string) {
  const pem = (file: string): string => readFileSync(join(cluster.layout.dir, "certs", file), "utf8");
  const tls = { ca: pem("ca.crt"), cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
  const dial = tlsDial({ cluster: "test", name, tls, software: "test" });
  const connection = new Connection({
    address: cluster.node("n1").address,
    dial,
    clock: systemClock,
    pauseMs: 0,
    objection: () => null,
    onOver: () => {},
  });
  connections.push(connection);
  const ask = (body: RequestBody): Promise<ClientReply> =>
    new Promise((resolve, reject) => {
      connection.request(body, (ending) =>
        ending.kind === "reply" ? resolve(ending.reply) : reject(new Error(ending.reason)),
      );
    });
  return {
    ask,
    /** The session's number. */
    open: async (): Promise<number> => {
      const reply = await ask({ kind: "openSession", timeoutMs: patienceMs, sessionTimeoutMs: 86_400_000 });
      if (reply.kind !== "sessionOpened") throw new Error(JSON.stringify(reply));
      return reply.session;
    },
    put: async (value: string, id: number, sequence: number): Promise<string> => {
      const payload = encodeOperation("put", { key: "k", value: Buffer.from(value) });
      const session = { id, sequence, answeredBelow: 1 };
      return inWords(await ask({ kind: "command", payload, timeoutMs: patienceMs, session }));
    },
    close: async (session: number): Promise<string> =>
      inWords(await ask({ kind: "closeSession", timeoutMs: patienceMs, session })),
  };
}

const inWords = (reply: ClientReply): string =>
  reply.kind === "error" ? `${reply.code}: ${reply.message}` : reply.kind;

test(
  "P63: a client that guesses the session of the administrator changes nothing, also in a restored cluster",
  async () => {
    const cluster = (open = await TestCluster.start({ nodes: 1 }));
    expect(await cluster.graft(["certs", "issue", "--client", "guest"])).toMatchObject({ exitCode: 0 });
    let admin = rawClient(cluster, "admin");
    let guest = rawClient(cluster, "guest");
    const session = await admin.open();
    const foreign = `rejected: session ${session} belongs to another client`;
    let sequence = 1;
    expect(await admin.put("1", session, sequence)).toBe("result");

    /** Before, the guest's command took the number of the administrator's next one, whose put then had no effect. */
    const steal = async (): Promise<void> => {
      expect(await guest.put("stolen", session, sequence + 1)).toStartWith(foreign);
      expect(await guest.put("stolen", session, sequence)).toStartWith(foreign);
      expect(await guest.close(session)).toStartWith(foreign);
      expect(await admin.put("other", session, sequence)).toMatch(/^rejected: .* with another payload/);
      const value = String(++sequence);
      expect(await admin.put(value, session, sequence)).toBe("result");
      const read = await cluster.graft(["execute", "query", "get", '{"key":"k"}', "--json"]);
      expect(JSON.parse(read.stdout).result).toBe(value);
    };
    await steal();

    // What the node knows of its sessions after a restart, it knows from a snapshot.
    expect(await cluster.graft(["backup", "state.backup"])).toMatchObject({ exitCode: 0 });
    await cluster.process("n1").kill();
    cluster.run("n1");
    await cluster.leader();
    admin = rawClient(cluster, "admin");
    guest = rawClient(cluster, "guest");
    await steal();

    await cluster.process("n1").kill();
    const { config, dataDir } = cluster.node("n1");
    renameSync(dataDir, `${dataDir}.lost`);
    expect(await cluster.graft(["restore", "state.backup", "--config", config])).toMatchObject({ exitCode: 0 });
    cluster.run("n1");
    await waitForLeader(cluster.connect(), patienceMs);
    admin = rawClient(cluster, "admin");
    guest = rawClient(cluster, "guest");
    // The backup is older than the second round.
    sequence = 2;
    await steal();
  },
  4 * patienceMs,
);
