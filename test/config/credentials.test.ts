// That certificates which cannot work are refused before anything is opened, each fault with its file and its remedy.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCa, type Credentials, issueClient, issueNode } from "../../src/adapters/certs/authority.ts";
import { loadClientCredentials, loadNodeCredentials } from "../../src/config/credentials.ts";

let dir: string;
let ca: Credentials;
let node: Credentials;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "graft-credentials-"));
  ca = await createCa({ cluster: "demo" });
  node = await issueNode(ca, { cluster: "demo", id: "n1", hosts: [] });
  place({ ca: ca.cert, cert: node.cert, key: node.key });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);

function place(texts: { readonly ca?: string; readonly cert?: string; readonly key?: string }): void {
  for (const [name, text] of Object.entries(texts)) writeFileSync(at(name), text);
}

const paths = () => ({ ca: at("ca"), cert: at("cert"), key: at("key") });
const address = "127.0.0.1:7401";
const config = () => ({
  node: { id: "n1", dataDir: dir, listen: address, advertise: address },
  cluster: { id: "demo", bootstrap: [], join: null },
  tls: paths(),
});

/** What is said of the node's certificates; the folder left out. */
function faults(now?: Date): readonly string[] {
  try {
    loadNodeCredentials(config(), now);
    return [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    expect(error).toMatchObject({ name: "GraftError", code: "config" });
    const [head, ...lines] = error.message.replaceAll(`${dir}/`, "").split("\n");
    expect(head).toBe("the certificates cannot be used:");
    return lines.map((line) => line.trim());
  }
}

test("certificates that fit are read, and say whose they are", () => {
  expect(loadNodeCredentials(config())).toMatchObject({
    ca: ca.cert,
    cert: node.cert,
    key: node.key,
    identity: { role: "node", cluster: "demo", id: "n1" },
    expiresAt: expect.any(Date),
  });
});

test("during a change of authority, one file holds both", async () => {
  const next = await createCa({ cluster: "demo" });
  place({ ca: next.cert + ca.cert });
  expect(faults()).toEqual([]);
});

test("missing files are all named, with the command that makes them", () => {
  for (const path of Object.values(paths())) rmSync(path);
  expect(faults()).toEqual([
    "ca cannot be read (ENOENT); graft certs init makes one",
    "cert cannot be read (ENOENT); graft certs issue --node n1=127.0.0.1:7401 makes one",
    "key cannot be read (ENOENT); graft certs issue --node n1=127.0.0.1:7401 makes one",
  ]);
});

test("texts that are no PEM are all named", () => {
  place({ ca: "x", cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key: "" });
  expect(faults()).toEqual([
    expect.stringMatching(/^ca is no certificate in PEM form; /),
    expect.stringMatching(/^cert is no certificate in PEM form; /),
  ]);
  place({ ca: ca.cert, cert: node.cert });
  expect(faults()).toEqual([expect.stringMatching(/^key is no private key in PEM form; /)]);
});

test("a node's certificate in place of the authority's", () => {
  place({ ca: node.cert });
  expect(faults()).toEqual([expect.stringMatching(/^ca is no authority's certificate; name the ca\.crt/)]);
});

test("a key that is another's, and one that needs a password", () => {
  place({ key: ca.key });
  expect(faults()).toEqual([expect.stringMatching(/^key does not belong to cert; /)]);
  const cipher = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" } as const;
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: cipher,
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  place({ key: privateKey });
  expect(faults()).toEqual([expect.stringMatching(/^key is encrypted, /)]);
});

test("certificates out of their time", () => {
  const afterLeaf = new Date(Date.now() + 3 * 365 * 86_400_000);
  expect(faults(afterLeaf)).toEqual([
    expect.stringMatching(
      /^cert expired on 20\d\d-.*; graft certs issue --node n1=127\.0\.0\.1:7401 --force makes a new one$/,
    ),
  ]);
  const afterAll = new Date(Date.now() + 11 * 365 * 86_400_000);
  expect(faults(afterAll)).toEqual([
    expect.stringMatching(/^ca has expired; .*graft certs init/),
    expect.stringMatching(/^cert expired on /),
  ]);
  const before = new Date(Date.now() - 86_400_000);
  expect(faults(before)).toEqual([expect.stringMatching(/^cert is valid only from .*; check this machine's clock$/)]);
});

describe("P53: certificates of the wrong authority, node, role and cluster are refused at start", () => {
  test("another authority of the same name", async () => {
    const other = await createCa({ cluster: "demo" });
    place({ ca: other.cert });
    expect(faults()).toEqual([expect.stringMatching(/^cert is not signed by the authority in ca; /)]);
  });

  test("another node", async () => {
    const other = await issueNode(ca, { cluster: "demo", id: "n2", hosts: [] });
    place({ cert: other.cert, key: other.key });
    expect(faults()).toEqual([expect.stringMatching(/^cert is of node n2 in the cluster demo, and not of node n1; /)]);
  });

  test("a client in place of a node", async () => {
    const other = await issueClient(ca, { cluster: "demo", name: "n1" });
    place({ cert: other.cert, key: other.key });
    expect(faults()).toEqual([
      expect.stringMatching(/^cert is of client n1 in the cluster demo, and not of a node; /),
      expect.stringMatching(/^cert is not made for TLS in this role/),
    ]);
  });

  test("another cluster", async () => {
    const otherCa = await createCa({ cluster: "prod" });
    const other = await issueNode(otherCa, { cluster: "prod", id: "n1", hosts: [] });
    place({ ca: otherCa.cert, cert: other.cert, key: other.key });
    expect(faults()).toEqual([expect.stringMatching(/^cert is of node n1 in the cluster prod, and not in demo; /)]);
  });

  test("no identity at all", () => {
    place({ cert: ca.cert, key: ca.key });
    expect(faults()).toEqual(expect.arrayContaining([expect.stringMatching(/^cert says not whose it is: /)]));
  });

  test("a node in place of a client", async () => {
    expect(() => loadClientCredentials(paths())).toThrow(
      /is of node n1 in the cluster demo, and not of a client; .*--client/,
    );
    const client = await issueClient(ca, { cluster: "demo", name: "admin" });
    place({ cert: client.cert, key: client.key });
    expect(loadClientCredentials(paths(), "demo").identity).toEqual({ role: "client", cluster: "demo", name: "admin" });
    expect(() => loadClientCredentials(paths(), "prod")).toThrow(/and not in prod/);
  });
});

test("P57: no fault tells anything of a key", () => {
  place({ ca: node.key, cert: node.key, key: `${node.key}x`.replace("BEGIN", "BEGUN") });
  const text = faults().join("\n");
  expect(text).not.toBe("");
  const secret = readFileSync(at("ca"), "utf8").split("\n")[1] ?? "";
  expect(secret.length).toBeGreaterThan(20);
  expect(text).not.toContain(secret.slice(0, 20));
});
