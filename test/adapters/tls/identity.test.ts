// Who is on the other side, as a certificate says it and as a hello confirms it.
import { describe, expect, test } from "bun:test";
import type { X509Certificate } from "node:crypto";
import { checkHello, checkIdentity, type Expectation, machineFeature } from "../../../src/adapters/tls/hello.ts";
import { nameLengthMax } from "../../../src/core/name.ts";
import type { HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { type Identity, identityOf, parseIdentity } from "../../../src/adapters/tls/identity.ts";
import { clientSender, cluster, hello, nodeSender } from "./tls-net.ts";

const named = (subjectAltName: string | undefined): X509Certificate => ({ subjectAltName }) as X509Certificate;

describe("P53: the identity of a certificate is exactly one URI", () => {
  test("a node's and a client's, whatever host names stand beside", () => {
    expect(identityOf(named("URI:graft://demo/node/n1, DNS:localhost, IP Address:127.0.0.1"))).toEqual({
      role: "node",
      cluster: "demo",
      id: "n1",
    });
    expect(identityOf(named("DNS:graft, URI:graft://demo/client/a.b_c-d"))).toEqual({
      role: "client",
      cluster: "demo",
      name: "a.b_c-d",
    });
  });

  test.each([
    ["none", undefined],
    ["no graft URI", "DNS:n1, URI:https://example.org/graft://demo/node/n1"],
    ["two of them", "URI:graft://demo/node/n1, URI:graft://demo/node/n2"],
    ["a sound and an unsound one", "URI:graft://demo/node/n1, URI:GRAFT://demo/node/n2"],
    ["one hidden in another", 'URI:"graft://demo/client/a\\u002c URI:graft://demo/node/n2"'],
    ["a sound one beside a name that needs quotes", 'URI:graft://demo/node/n1, DNS:"x\\u002c y"'],
    ["the authority's own", "URI:graft://demo/ca"],
  ])("%s is no identity", (_, names) => {
    expect(identityOf(named(names))).toBeString();
  });

  test.each([
    "graft://demo/node/",
    "graft://demo/node/n1/",
    "graft://demo/node/n1?x",
    "graft://demo/node/n1\n",
    "graft:///node/n1",
    "graft://demo/admin/n1",
    "graft://demo/node/n 1",
    "graft://demo/node/../client/a",
    `graft://demo/node/${"x".repeat(65)}`,
    " graft://demo/node/n1",
  ])("%j is not of the form", (uri) => {
    expect(parseIdentity(uri)).toBeNull();
  });
});

test.each([
  ["kv", "machine.kv"],
  ["a b/c", "machine.a_b_c"],
  ["x".repeat(200), `machine.${"x".repeat(nameLengthMax - "machine.".length)}`],
])("a state machine's name becomes a feature that a hello can carry: %s", (name, feature) => {
  expect(machineFeature(name)).toBe(feature);
});

const n1: Identity = { role: "node", cluster, id: "n1" };
const alice: Identity = { role: "client", cluster, name: "alice" };
const accepting: Expectation = { cluster, self: "n2", meant: null, side: "accepted" };
const dialling: Expectation = { cluster, self: "n2", meant: "n1", side: "dialled" };
const codeOf = (answer: object | null): unknown => (answer !== null && "code" in answer ? answer.code : answer);

describe("P53: a certificate is checked against what this side is", () => {
  test("a client and any node of the cluster may dial", () => {
    expect(checkIdentity(n1, accepting)).toEqual(n1);
    expect(checkIdentity(alice, accepting)).toEqual(alice);
    expect(codeOf(checkIdentity({ ...n1, cluster: "other" }, accepting))).toBe("wrong-cluster");
    expect(codeOf(checkIdentity("no identity", accepting))).toBe("wrong-identity");
  });

  test("only the node that was meant may answer", () => {
    expect(checkIdentity(n1, dialling)).toEqual(n1);
    expect(checkIdentity(n1, { ...dialling, meant: null })).toEqual(n1);
    expect(codeOf(checkIdentity({ ...n1, id: "n3" }, dialling))).toBe("wrong-node");
    expect(codeOf(checkIdentity(alice, { ...dialling, meant: null }))).toBe("wrong-identity");
    expect(codeOf(checkIdentity({ ...n1, cluster: "other" }, dialling))).toBe("wrong-cluster");
  });
});

describe("P53: a hello is checked against the certificate", () => {
  test("what fits is let in", () => {
    expect(checkHello(hello(nodeSender("n1"), { meant: "n2" }), n1, accepting)).toBeNull();
    expect(checkHello(hello(nodeSender("n1")), n1, accepting)).toBeNull();
    expect(checkHello(hello(clientSender("alice")), alice, accepting)).toBeNull();
    expect(checkHello(hello(nodeSender("n1"), { meant: "n2" }), n1, dialling)).toBeNull();
    expect(
      checkHello(hello(nodeSender("n1"), { meant: "n2", versionMin: 0, versionMax: 9 }), n1, accepting),
    ).toBeNull();
  });

  test("a node of another genesis is refused, and one that knows none or the same is let in", () => {
    const genesis = (clusterUuid: string) => ({ clusterUuid, members: [], foundedAtMs: 1 });
    const knowing = (clusterUuid: string) =>
      hello({ ...nodeSender("n1"), genesis: genesis(clusterUuid) } as HelloSender);
    const expected = { ...accepting, clusterUuid: "a".repeat(32) };
    expect(checkHello(knowing("b".repeat(32)), n1, expected)?.code).toBe("wrong-cluster");
    expect(checkHello(knowing("a".repeat(32)), n1, expected)).toBeNull();
    expect(checkHello(hello(nodeSender("n1")), n1, expected)).toBeNull();
    expect(checkHello(knowing("b".repeat(32)), n1, { ...expected, clusterUuid: null })).toBeNull();
  });

  test.each([
    ["another cluster", hello(nodeSender("n1"), { cluster: "other" }), n1, accepting, "wrong-cluster"],
    [
      "another state machine",
      hello(nodeSender("n1"), { features: ["machine.counter"] }),
      n1,
      { ...accepting, machine: machineFeature("kv") },
      "wrong-state-machine",
    ],
    ["another id", hello(nodeSender("n3")), n1, accepting, "wrong-identity"],
    ["a node's role with a client's certificate", hello(nodeSender("alice")), alice, accepting, "wrong-identity"],
    ["a client's role with a node's certificate", hello(clientSender("n1")), n1, accepting, "wrong-identity"],
    ["another node meant", hello(nodeSender("n1"), { meant: "n9" }), n1, accepting, "wrong-node"],
    ["an answer to somebody else", hello(nodeSender("n1"), { meant: "n9" }), n1, dialling, "wrong-node"],
    ["an answer to nobody", hello(nodeSender("n1")), n1, dialling, "wrong-node"],
    ["only older versions", hello(nodeSender("n1"), { versionMin: 1, versionMax: 1 }), n1, accepting, "wrong-version"],
    ["only newer versions", hello(nodeSender("n1"), { versionMin: 3, versionMax: 4 }), n1, accepting, "wrong-version"],
  ] as const)("%s", (_, said, identity, expected, code) => {
    expect(checkHello(said, identity, expected)?.code).toBe(code);
  });
});

test.each([
  ["no identity", accepting, "no identity"],
  [{ ...n1, cluster: "prod" }, accepting, 'the certificate of node n1 belongs to cluster "prod", this is "demo"'],
  [alice, dialling, "client alice answers where a node was expected"],
  [{ ...n1, id: "n3" }, dialling, "n3 answers at this address, n1 was meant"],
] as const)(
  "P53: the words for a certificate that does not fit, %#, name both sides",
  (identity, expected, message) => {
    expect(checkIdentity(identity, expected)).toMatchObject({ kind: "refused", message });
  },
);

describe("P53: a name that is nearly the one that was meant is another one", () => {
  const nearly = (name: string): string[] => [`${name}0`, name.slice(0, -1), name.toUpperCase(), `x${name}`];

  test.each(nearly(cluster))("of a cluster: %s", (other) => {
    for (const expected of [accepting, dialling]) {
      expect(codeOf(checkIdentity({ ...n1, cluster: other }, expected))).toBe("wrong-cluster");
      expect(checkHello(hello(nodeSender("n1"), { meant: "n2", cluster: other }), n1, expected)?.code).toBe(
        "wrong-cluster",
      );
    }
  });

  test.each(nearly("n1"))("of the node that was dialled, or that introduces itself: %s", (other) => {
    expect(codeOf(checkIdentity({ ...n1, id: other }, dialling))).toBe("wrong-node");
    expect(checkHello(hello(nodeSender(other), { meant: "n2" }), n1, accepting)?.code).toBe("wrong-identity");
    expect(checkHello(hello(nodeSender(other), { meant: "n2" }), n1, dialling)?.code).toBe("wrong-identity");
  });

  test.each(nearly("alice"))("of a client: %s", (other) => {
    expect(checkHello(hello(clientSender(other)), alice, accepting)?.code).toBe("wrong-identity");
  });

  test.each(nearly("n2"))("of this node, as the other side has meant it: %s", (other) => {
    for (const expected of [accepting, dialling])
      expect(checkHello(hello(nodeSender("n1"), { meant: other }), n1, expected)?.code).toBe("wrong-node");
  });

  test("of a genesis: one digit is enough", () => {
    const clusterUuid = "a".repeat(32);
    for (const at of [0, 8, 31]) {
      const other = clusterUuid.slice(0, at) + "b" + clusterUuid.slice(at + 1);
      const genesis = { clusterUuid: other, members: [], foundedAtMs: 1 };
      const said = hello({ ...nodeSender("n1"), genesis } as HelloSender, { meant: "n2" });
      for (const expected of [accepting, dialling])
        expect(checkHello(said, n1, { ...expected, clusterUuid })?.code).toBe("wrong-cluster");
    }
  });
});
