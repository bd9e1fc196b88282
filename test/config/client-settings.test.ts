// Where a client's settings come from: flags before environment before the nearest graft.toml, and what is said when
// something is missing.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initCertificates } from "../../src/adapters/certs/folder.ts";
import { type ClientSources, resolveClientSettings } from "../../src/config/client-settings.ts";

let root: string;
let deep: string;
beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "graft-client-")));
  deep = join(root, "a", "b");
  mkdirSync(deep, { recursive: true });
  await initCertificates({
    dir: join(root, "certs"),
    cluster: "demo",
    clients: ["admin", "reader"],
    clientFile: { path: join(root, "graft.toml"), client: "admin", addresses: ["127.0.0.1:7401", "[::1]:7402"] },
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pem = (name: string): string => readFileSync(join(root, "certs", name), "utf8");
const resolveFrom = (sources: Partial<ClientSources>) =>
  resolveClientSettings({ flags: {}, env: {}, cwd: deep, ...sources });

test("the nearest graft.toml upward gives all, its paths relative to it", () => {
  expect(resolveFrom({})).toEqual({
    addresses: ["127.0.0.1:7401", "[::1]:7402"],
    file: join(root, "graft.toml"),
    clusterUuid: undefined,
    tls: { ca: pem("ca.crt"), cert: pem("admin.crt"), key: pem("admin.key") },
    cluster: "demo",
    name: "admin",
    expiresAt: expect.any(Date),
  });
});

test("a nearer graft.toml wins whole: the farther one is not looked at", () => {
  writeFileSync(join(deep, "graft.toml"), 'cluster = ["near:1"]\n');
  const near = join(deep, "graft.toml");
  expect(() => resolveFrom({})).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringContaining(`--ca, --cert, --key, for GRAFT_CA`) }),
  );
  expect(() => resolveFrom({})).toThrow(`${near} does not say`);
});

test("flags win over the environment, and that over the file; paths are relative to the working folder", () => {
  const env = { GRAFT_CLUSTER: "env:1", GRAFT_CERT: "../../certs/reader.crt", GRAFT_KEY: "../../certs/reader.key" };
  expect(resolveFrom({ env })).toMatchObject({ addresses: ["env:1"], name: "reader", tls: { ca: pem("ca.crt") } });
  const flags = { cluster: "flag:1, flag:2", cert: join(root, "certs/admin.crt"), key: "../../certs/admin.key" };
  expect(resolveFrom({ env, flags })).toMatchObject({ addresses: ["flag:1", "flag:2"], name: "admin" });
});

test("the uuid of graft.toml is that of its own cluster alone", () => {
  const uuid = "00112233445566778899aabbccddeeff";
  const text = readFileSync(join(root, "graft.toml"), "utf8");
  writeFileSync(join(root, "graft.toml"), `${text}uuid = "${uuid}"\n`);
  expect(resolveFrom({})).toMatchObject({ clusterUuid: uuid, file: join(root, "graft.toml") });
  expect(resolveFrom({ flags: { cluster: "a:1" } })).toMatchObject({ clusterUuid: undefined, file: null });
  writeFileSync(join(root, "graft.toml"), `${text}uuid = "0011"\n`);
  expect(() => resolveFrom({})).toThrow(/is no uuid of a cluster/);
});

test("an empty variable counts as not set", () => {
  expect(resolveFrom({ env: { GRAFT_CLUSTER: "", GRAFT_CA: "" } }).addresses).toHaveLength(2);
});

test("with everything given no graft.toml is read, not even a bad one", () => {
  writeFileSync(join(deep, "graft.toml"), "nonsense");
  const certs = { ca: "../../certs/ca.crt", cert: "../../certs/admin.crt", key: "../../certs/admin.key" };
  expect(resolveFrom({ flags: { cluster: "a:1", ...certs } }).addresses).toEqual(["a:1"]);
  expect(() => resolveFrom({ flags: { cluster: "a:1" } })).toThrow(/graft\.toml:1: this is not TOML/);
});

test("with nothing given, it says what was looked for and where", () => {
  rmSync(join(root, "graft.toml"));
  expect(() => resolveFrom({})).toThrow(
    expect.objectContaining({
      code: "usage",
      message:
        "not known: which cluster (cluster, ca, cert, key). Looked for --cluster, --ca, --cert, --key, for GRAFT_CLUSTER, " +
        `GRAFT_CA, GRAFT_CERT, GRAFT_KEY, and found no graft.toml in ${deep} or above it. ` +
        "graft certs init and graft dev write a graft.toml.",
    }),
  );
});

test("a graft.toml with mistakes names them all with their lines", () => {
  writeFileSync(join(deep, "graft.toml"), 'clutser = ["a:1"]\n\nid = "a b"\nca = 5\n[node]\nid = "n1"\n');
  const path = join(deep, "graft.toml");
  expect(() => resolveFrom({})).toThrow(`${path} has 4 problems:
  ${path}:1: clutser: this key is unknown; did you mean cluster?
  ${path}:3: id: the text "a b" is no name; use 1 to 64 letters, digits, dots, underscores or hyphens
  ${path}:4: ca: the number 5 is no path; name a file or a folder, relative to the folder of this file
  ${path}:5: node: this section is unknown; remove it`);
});

test("an address that is none is wrong usage", () => {
  for (const cluster of ["localhost", "a:1,", "a:1;b:2"]) {
    expect(() => resolveFrom({ flags: { cluster } })).toThrow(expect.objectContaining({ code: "usage" }));
  }
});

test("P53: a graft.toml whose id is not that of its certificate is refused, unless a flag names another cluster", () => {
  const text = readFileSync(join(root, "graft.toml"), "utf8");
  writeFileSync(join(root, "graft.toml"), text.replace('id = "demo"', 'id = "prod"'));
  expect(() => resolveFrom({})).toThrow(/is of client admin in the cluster demo, and not in prod/);
  expect(resolveFrom({ flags: { cluster: "a:1" } }).cluster).toBe("demo");
});
