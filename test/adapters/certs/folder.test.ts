// What lies in the folder after init and issue, who may read it, and what is refused before anything is written.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { initCertificates, issueInto, readCa } from "../../../src/adapters/certs/folder.ts";
import { RecordedDisk } from "../../doubles/recorded-disk.ts";

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "graft-certs-"));
  dir = join(root, "certs");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const request = () => ({ dir, cluster: "demo", nodes: [{ id: "n1", hosts: ["10.0.0.1:7401"] }], clients: ["admin"] });
const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

test("init writes the authority, the nodes and the clients, and says which files", async () => {
  const written = await initCertificates(request());
  const names = ["ca.crt", "ca.key", "n1.crt", "n1.key", "admin.crt", "admin.key"];
  expect(written).toEqual(names.map((name) => join(dir, name)));
  expect((await readdir(dir)).sort()).toEqual([...names].sort());
});

test("P57: keys and their folder are readable by their owner alone", async () => {
  await initCertificates(request());
  expect(await mode(dir)).toBe(0o700);
  for (const name of ["ca.key", "n1.key", "admin.key"]) expect(await mode(join(dir, name))).toBe(0o600);
  expect(await mode(join(dir, "n1.crt"))).toBe(0o644);
});

test("P57: a key that replaces a readable one is not readable by others", async () => {
  await initCertificates(request());
  await rm(join(dir, "n1.key"));
  await writeFile(join(dir, "n1.key"), "old", { mode: 0o644 });
  await issueInto(dir, { nodes: [{ id: "n1", hosts: [] }], force: true });
  expect(await mode(join(dir, "n1.key"))).toBe(0o600);
  expect(await readFile(join(dir, "n1.key"), "utf8")).toStartWith("-----BEGIN PRIVATE KEY-----");
});

test("nothing is overwritten, and nothing written at all, when a file is there already", async () => {
  await initCertificates(request());
  const before = await readFile(join(dir, "ca.crt"), "utf8");
  await expect(initCertificates(request())).rejects.toThrow(
    /ca\.crt, .*already there, nothing was written.*graft certs issue/,
  );
  const issued = issueInto(dir, { nodes: [{ id: "n2", hosts: [] }], clients: ["admin"] });
  await expect(issued).rejects.toThrow(/admin\.crt, .*admin\.key already there, nothing was written.*--force/);
  await issued.catch(() => undefined);
  expect(await readFile(join(dir, "ca.crt"), "utf8")).toBe(before);
  expect(await readdir(dir)).not.toContain("n2.crt");
});

test("issue adds to the authority that is there and takes the cluster from it", async () => {
  await initCertificates(request());
  await issueInto(dir, { nodes: [{ id: "n2", hosts: ["node2.example"] }], clients: ["reader"], days: 30 });
  const ca = new X509Certificate((await readCa(dir)).cert);
  const cert = new X509Certificate(await readFile(join(dir, "n2.crt"), "utf8"));
  expect(cert.verify(ca.publicKey)).toBe(true);
  expect(cert.subjectAltName).toStartWith("URI:graft://demo/node/n2, DNS:localhost");
  expect(Math.round((Date.parse(cert.validTo) - Date.now()) / 86_400_000)).toBe(30);
  expect(Math.round((Date.parse(ca.validTo) - Date.now()) / 86_400_000)).toBe(3650);
});

test("issue for another cluster is refused", async () => {
  await initCertificates(request());
  await expect(issueInto(dir, { cluster: "prod", clients: ["reader"] })).rejects.toThrow(
    /cluster "demo", not to "prod"/,
  );
});

test("issue without an authority says how to make one", async () => {
  await expect(issueInto(dir, { clients: ["reader"] })).rejects.toThrow(/ca\.crt \(ENOENT\).*graft certs init/);
});

test("two of one name, and the name of the authority, are refused", async () => {
  await expect(initCertificates({ ...request(), clients: ["n1"] })).rejects.toThrow(/"n1" is taken/);
  await expect(initCertificates({ ...request(), clients: ["ca"] })).rejects.toThrow(/"ca" is taken/);
  expect(await readdir(root)).toEqual([]);
});

test("a name that would leave the folder is refused", async () => {
  await expect(initCertificates({ ...request(), clients: ["../evil"] })).rejects.toThrow(/cannot name a client/);
  await expect(initCertificates({ ...request(), nodes: [{ id: "a/b", hosts: [] }] })).rejects.toThrow(
    /cannot name a node/,
  );
});

test("the client's file names the cluster and points to the certificates from where it lies", async () => {
  const path = join(root, "graft.toml");
  const addresses = ["127.0.0.1:7401", "[::1]:7402"];
  await initCertificates({ ...request(), clientFile: { path, client: "admin", addresses } });
  expect(parse(await readFile(path, "utf8"))).toEqual({
    cluster: addresses,
    id: "demo",
    ca: "certs/ca.crt",
    cert: "certs/admin.crt",
    key: "certs/admin.key",
  });
});

describe("P45: what has been written outlives a power cut", () => {
  const isDraft = (path: string): boolean => /\.[0-9a-f-]{36}$/.test(path) || path.endsWith("n1.key");

  test.each([false, true])(
    "the authority, each certificate and key, and every new folder, with force %p",
    async (force) => {
      dir = join(root, "new", "certs");
      using disk = new RecordedDisk();
      const clientFile = { path: join(root, "new", "graft.toml"), client: "admin", addresses: ["a:1"] };
      const written = await initCertificates({ ...request(), clientFile, force });
      expect(written).toHaveLength(7);
      expect(written.flatMap((path) => disk.lost(path, root))).toEqual([]);
      expect(disk.tooEarly).toEqual([]);
    },
  );

  test("a certificate that is issued later", async () => {
    await initCertificates(request());
    using disk = new RecordedDisk();
    const issued = await issueInto(dir, { nodes: [{ id: "n2", hosts: [] }], clients: ["admin"], force: true });
    expect(issued.flatMap((path) => disk.lost(path, root))).toEqual([]);
    expect(disk.tooEarly).toEqual([]);
  });

  test.each([false, true])("a disk that fails leaves neither half a file nor a draft, with force %p", async (force) => {
    await initCertificates({ ...request(), nodes: [] });
    using disk = new RecordedDisk();
    disk.failsToSync = isDraft;
    const before = await readdir(dir);
    const issued = issueInto(dir, { nodes: [{ id: "n1", hosts: [] }], force });
    await expect(issued).rejects.toThrow("cannot write");
    expect((await readdir(dir)).filter((name) => !before.includes(name) && name !== "n1.crt")).toEqual([]);
  });

  test("a folder whose sync fails is reported: the files are there", async () => {
    using disk = new RecordedDisk();
    disk.failsToSync = (path) => path === dir;
    await expect(initCertificates(request())).rejects.toThrow(/the files are written.*power cut.*EIO/);
  });
});
