// What stands in the certificates, and whom they convince: a real TLS 1.3 handshake, and openssl's verifier where it is.
import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  clusterOfCa,
  createCa,
  type Credentials,
  issueClient,
  issueNode,
} from "../../../src/adapters/certs/authority.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const TLS_1_3 = 0x0304;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

test("an authority can sign certificates, may not sign authorities, and names its cluster", async () => {
  const ca = await createCa({ cluster: "my_cluster.1" });
  const cert = new X509Certificate(ca.cert);
  expect(cert.ca).toBe(true);
  expect(cert.verify(cert.publicKey)).toBe(true);
  expect(clusterOfCa(ca.cert)).toBe("my_cluster.1");
});

test("a node's certificate carries its identity, its hosts and loopback, each once", async () => {
  const ca = await createCa({ cluster: "demo" });
  const hosts = ["Node1.Example:7401", "10.0.0.1:7401", "[fe80::1]:7401", "localhost:1", "::1"];
  const cert = new X509Certificate((await issueNode(ca, { cluster: "demo", id: "n1", hosts })).cert);
  expect(cert.subjectAltName?.split(", ")).toEqual([
    "URI:graft://demo/node/n1",
    "DNS:localhost",
    "IP Address:127.0.0.1",
    "IP Address:0:0:0:0:0:0:0:1",
    "DNS:node1.example",
    "IP Address:10.0.0.1",
    "IP Address:FE80:0:0:0:0:0:0:1",
  ]);
  expect(cert.keyUsage).toEqual([SERVER_AUTH, CLIENT_AUTH]);
  expect(cert.ca).toBe(false);
  expect(cert.verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
});

test("a client's certificate carries its identity and can serve nothing", async () => {
  const ca = await createCa({ cluster: "demo" });
  const cert = new X509Certificate((await issueClient(ca, { cluster: "demo", name: "admin" })).cert);
  expect(cert.subjectAltName).toBe("URI:graft://demo/client/admin");
  expect(cert.keyUsage).toEqual([CLIENT_AUTH]);
});

test("a certificate begins before now, lasts as asked, and no longer than its authority", async () => {
  const now = new Date("2030-01-01T00:00:00Z");
  const ca = await createCa({ cluster: "demo", days: 10, now });
  const short = new X509Certificate((await issueClient(ca, { cluster: "demo", name: "a", days: 2, now })).cert);
  const long = new X509Certificate((await issueClient(ca, { cluster: "demo", name: "a", now })).cert);
  expect(new Date(short.validFrom)).toEqual(new Date("2029-12-31T23:00:00Z"));
  expect(new Date(short.validTo)).toEqual(new Date("2030-01-03T00:00:00Z"));
  expect(new Date(long.validTo)).toEqual(new Date("2030-01-11T00:00:00Z"));
  const later = new Date("2030-02-01T00:00:00Z");
  await expect(issueClient(ca, { cluster: "demo", name: "a", now: later })).rejects.toThrow(
    /expired.*graft certs init/,
  );
});

test("no two serial numbers are alike", async () => {
  const ca = await createCa({ cluster: "demo" });
  const serials = new Set<string>([new X509Certificate(ca.cert).serialNumber]);
  for (const name of ["a", "b", "c"]) {
    serials.add(new X509Certificate((await issueClient(ca, { cluster: "demo", name })).cert).serialNumber);
  }
  expect(serials.size).toBe(4);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
});

test("an authority with the key of another, or with no key, is refused", async () => {
  const ca = await createCa({ cluster: "demo" });
  const other = await createCa({ cluster: "demo" });
  const leaf = { cluster: "demo", name: "a" };
  await expect(issueClient({ cert: ca.cert, key: other.key }, leaf)).rejects.toThrow(
    /does not belong to its certificate/,
  );
  await expect(issueClient({ cert: ca.cert, key: "nonsense" }, leaf)).rejects.toThrow(/private key in PEM form/);
  await expect(issueClient({ cert: "nonsense", key: ca.key }, leaf)).rejects.toThrow(/not a certificate in PEM form/);
  const client = await issueClient(ca, leaf);
  await expect(issueClient(client, leaf)).rejects.toThrow(/not a Graft authority/);
});

test("impossible names and hosts are refused", async () => {
  const ca = await createCa({ cluster: "demo" });
  await expect(createCa({ cluster: "a/b" })).rejects.toThrow(/cannot name a cluster/);
  await expect(createCa({ cluster: "x".repeat(65) })).rejects.toThrow(/cannot name a cluster/);
  await expect(issueNode(ca, { cluster: "demo", id: "", hosts: [] })).rejects.toThrow(/cannot name a node/);
  await expect(issueNode(ca, { cluster: "demo", id: "n1", hosts: ["a b"] })).rejects.toThrow(/not a host name/);
  await expect(issueClient(ca, { cluster: "prod", name: "a" })).rejects.toThrow(/cluster "demo", not to "prod"/);
});

interface Handshake {
  readonly authorized: boolean;
  readonly subjectAltName: string | undefined;
}

/** What the server and the client each see of the other. */
async function handshake(
  ca: string,
  server: Credentials,
  client: Credentials,
): Promise<readonly [Handshake, Handshake]> {
  const serverSide = Promise.withResolvers<Handshake>();
  const clientSide = Promise.withResolvers<Handshake>();
  const seen = (socket: Bun.Socket): Handshake => ({
    authorized: socket.authorized,
    subjectAltName: socket.getPeerCertificate()?.subjectaltname,
  });
  const handlers = (done: (result: Handshake) => void) => ({
    data() {},
    handshake: (socket: Bun.Socket) => done(seen(socket)),
  });
  const tls = { ca, minVersion: TLS_1_3, requestCert: true, rejectUnauthorized: false };
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...tls, ...server },
    socket: handlers(serverSide.resolve),
  });
  cleanups.push(() => listener.stop(true));
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    tls: { ...tls, ...client },
    socket: handlers(clientSide.resolve),
  });
  cleanups.push(() => socket.end());
  return Promise.all([serverSide.promise, clientSide.promise]);
}

test("a node and a client authorize each other over TLS 1.3", async () => {
  const ca = await createCa({ cluster: "demo" });
  const node = await issueNode(ca, { cluster: "demo", id: "n1", hosts: [] });
  const client = await issueClient(ca, { cluster: "demo", name: "admin" });
  const [atServer, atClient] = await handshake(ca.cert, node, client);
  expect(atServer).toEqual({ authorized: true, subjectAltName: "URI:graft://demo/client/admin" });
  expect(atClient.authorized).toBe(true);
  expect(atClient.subjectAltName).toStartWith("URI:graft://demo/node/n1, ");
});

test("while a cluster changes its authority, each side trusts both, and takes certificates of either", async () => {
  const [before, after] = [await createCa({ cluster: "demo" }), await createCa({ cluster: "demo" })];
  const node = await issueNode(after, { cluster: "demo", id: "n1", hosts: [] });
  const client = await issueClient(before, { cluster: "demo", name: "admin" });
  for (const both of [before.cert + after.cert, after.cert + before.cert]) {
    const [atServer, atClient] = await handshake(both, node, client);
    expect([atServer.authorized, atClient.authorized]).toEqual([true, true]);
  }
});

test("P53: a certificate of another authority is authorized by neither side", async () => {
  const ca = await createCa({ cluster: "demo" });
  const stranger = await createCa({ cluster: "demo" });
  const node = await issueNode(ca, { cluster: "demo", id: "n1", hosts: [] });
  const client = await issueClient(stranger, { cluster: "demo", name: "admin" });
  const [atServer] = await handshake(ca.cert, node, client);
  expect(atServer.authorized).toBe(false);
  const [, atClient] = await handshake(stranger.cert, node, client);
  expect(atClient.authorized).toBe(false);
});

test.skipIf(Bun.which("openssl") === null)("openssl accepts what is issued, for its purpose only", async () => {
  const dir = await mkdtemp(join(tmpdir(), "graft-openssl-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const ca = await createCa({ cluster: "demo" });
  await writeFile(join(dir, "ca.crt"), ca.cert);
  await writeFile(join(dir, "n1.crt"), (await issueNode(ca, { cluster: "demo", id: "n1", hosts: [] })).cert);
  await writeFile(join(dir, "admin.crt"), (await issueClient(ca, { cluster: "demo", name: "admin" })).cert);
  const verify = (purpose: string, file: string): boolean => {
    const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", join(dir, "ca.crt"), join(dir, file)];
    return Bun.spawnSync(["openssl", ...args]).success;
  };
  expect(verify("sslserver", "n1.crt")).toBe(true);
  expect(verify("sslclient", "n1.crt")).toBe(true);
  expect(verify("sslclient", "admin.crt")).toBe(true);
  expect(verify("sslserver", "admin.crt")).toBe(false);
});
