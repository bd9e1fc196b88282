// What a node's configuration file may say, and that everything wrong with it is told at once, with its place.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig, readConfig } from "../../src/config/config.ts";
import type { Problem } from "../../src/config/problems.ts";

const MINIMAL = `
[node]
id = "n1"
data_dir = "data/n1"
listen = "127.0.0.1:7401"
[cluster]
id = "demo"
bootstrap = [{ id = "n1", address = "127.0.0.1:7401" }]
[tls]
ca = "certs/ca.crt"
cert = "certs/n1.crt"
key = "/etc/graft/n1.key"
[state_machine]
plugin = "kv"
`;

function read(text: string): Config {
  const result = readConfig(text, "/etc/graft/node.toml");
  if ("problems" in result) throw new Error(JSON.stringify(result.problems, null, 2));
  return result.config;
}

function problemsOf(text: string): readonly Problem[] {
  const result = readConfig(text, "/etc/graft/node.toml");
  return "problems" in result ? result.problems : [];
}

/** The minimal file with one line exchanged; the problems without their lines. */
function problemsWith(line: string, replacement: string): readonly string[] {
  expect(MINIMAL).toContain(line);
  return problemsOf(MINIMAL.replace(line, replacement)).map((each) => `${each.key}: ${each.what}; ${each.remedy}`);
}

test("a file with what is required has defaults for the rest, and absolute paths", () => {
  expect(read(MINIMAL)).toEqual({
    path: "/etc/graft/node.toml",
    node: { id: "n1", dataDir: "/etc/graft/data/n1", listen: "127.0.0.1:7401", advertise: "127.0.0.1:7401" },
    cluster: { id: "demo", bootstrap: [{ id: "n1", address: "127.0.0.1:7401" }], join: null },
    tls: { ca: "/etc/graft/certs/ca.crt", cert: "/etc/graft/certs/n1.crt", key: "/etc/graft/n1.key" },
    stateMachine: { plugin: ["kv"], command: null, directory: "/etc/graft", host: "worker" },
    access: { admins: ["admin"] },
    storage: { minFreeBytes: 268_435_456, minFreePercent: 5, scrubIntervalMs: 86_400_000 },
    raft: {
      electionTimeoutMs: 500,
      heartbeatIntervalMs: 50,
      snapshotEveryEntries: 100_000,
      snapshotEveryBytes: 268_435_456,
      compareEveryEntries: 1_024,
    },
    log: { level: "info", format: "pretty" },
  });
});

test("a configuration is frozen through and through", () => {
  const config = read(MINIMAL);
  for (const part of [
    config,
    config.node,
    config.cluster.bootstrap,
    config.cluster.bootstrap?.[0],
    config.access.admins,
  ]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

test("every way of writing a key in TOML is understood", () => {
  const text = `
    node = { id = 'n1', data_dir = "d", listen = "a:1" }
    cluster.id = """demo"""
    log . "level" = "warn"
    [[cluster.bootstrap]]
    id = "n1"
    address = "a:1"
    [[cluster.bootstrap]]
    id = "n2"
    address = "b:0"
    ["tls"]
    ca = "a"
    cert = "b"
    key = "c"
    [state_machine]
    'plugin' = "kv"`;
  expect(problemsOf(text)).toMatchObject([{ line: 10, key: "cluster.bootstrap[1].address" }]);
  expect(read(text.replace("b:0", "b:1"))).toMatchObject({
    node: { id: "n1", listen: "a:1" },
    cluster: { id: "demo", bootstrap: [{ id: "n1" }, { id: "n2", address: "b:1" }] },
    log: { level: "warn" },
  });
});

describe("a file with five mistakes", () => {
  const text = `[node]
id = "n1"
data-dir = "data/n1"                  # 3: misspelt
listen = 7401                         # 4: a number

[cluster]
id = "demo"
bootstrap = [
  { id = "n1", address = "127.0.0.1:7401" },
  { id = "n2", address = "127.0.0.1:7402" },
  { id = "n3",
    address = "127.0.0.1:7402" },     # 12: n2's
]

[tls]                                 # 15: no key
ca = "ca.crt"
cert = "n1.crt"

[state_machine]
plugin = "kv"

[raft]
election_timeout_ms = 500
heartbeat_interval_ms = 250           # 24: half of it
`;

  test("names all five, each with its line, its key, what is wrong and what to do", () => {
    const dir = mkdtempSync(join(tmpdir(), "graft-config-"));
    const path = join(dir, "node.toml");
    try {
      writeFileSync(path, text);
      expect(() => loadConfig(path)).toThrow(
        `${path} has 5 problems:
  ${path}:3: node.data-dir: this key is unknown; did you mean data_dir?
  ${path}:4: node.listen: the number 7401 is no address; use host:port, such as 127.0.0.1:7401 or [::1]:7401
  ${path}:12: cluster.bootstrap[2].address: "127.0.0.1:7402" is another member's too; give each its own address
  ${path}:15: tls.key: this key is missing; add it: the private key of this node (a path, relative to the folder of this file)
  ${path}:24: raft.heartbeat_interval_ms: 250 is not below half of election_timeout_ms (500); use 50, a tenth of it, or raise election_timeout_ms`,
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test("the code is config", () => {
    expect(() => loadConfig("/nowhere/node.toml")).toThrow(
      expect.objectContaining({ code: "config", message: expect.stringContaining("/nowhere/node.toml (ENOENT)") }),
    );
  });
});

describe("a syntax error has its line", () => {
  test.each([
    ["an open string", 'a = 1\nb = "x\nc = 2\n', 2],
    ["a key given twice", "[node]\nid = 'a'\n\nid = 'b'\n", 4],
    ["no value", "[node]\n\n\nid =\n", 4],
    ["an open list, at the end of the file", "[cluster]\nbootstrap = [\n  1,\n", 4],
  ])("%s", (_name, text, line) => {
    const [problem, ...others] = problemsOf(text);
    expect(others).toEqual([]);
    expect(problem?.what).toStartWith("this is not TOML: ");
    expect(problem?.line).toBe(line);
  });
});

test("an element of a list has its own line, also in a file with a byte order mark and Windows line ends", () => {
  const text = MINIMAL.replace("[tls]", '[access]\nadmins = [\n  "a",\n  "b c",\n]\n[tls]').trimStart();
  expect(problemsOf(text)).toMatchObject([{ line: 11, key: "access.admins[1]" }]);
  expect(problemsOf(`\ufeff${text.replaceAll("\n", "\r\n")}`)).toMatchObject([{ line: 11, key: "access.admins[1]" }]);
});

describe("unknown keys", () => {
  test.each([
    ["a section", "[tls]", "[tsl]", "tsl: this section is unknown; did you mean [tls]?"],
    [
      "a strange section",
      "[tls]",
      "[metrics]\n[tls]",
      /^metrics: this section is unknown; remove it; the sections are \[node\], /,
    ],
    [
      "a key of another section",
      "[tls]",
      'level = "info"\n[tls]',
      "cluster.level: this key is unknown; it belongs below [log]",
    ],
    [
      "a key without its section",
      "\n[node]",
      'listen = "a:1"\n[node]',
      "listen: this key is unknown; it belongs below [node]",
    ],
    [
      "a strange key",
      "[cluster]",
      "colour = 1\n[cluster]",
      /^node.colour: this key is unknown; remove it; \[node\] knows id, /,
    ],
    [
      "a key in a member",
      'id = "n1", a',
      'id = "n1", port = 1, a',
      /^cluster.bootstrap\[0\].port: this key is unknown/,
    ],
    ["a key that JavaScript knows", "[tls]", "[raft]\n__proto__ = 1\n[tls]", /^raft.__proto__: this key is unknown/],
    ["a key with a strange name", "[tls]", '[raft]\n"a\\u001bb" = 1\n[tls]', /^raft."a\\u001bb": this key is unknown/],
  ])("%s", (_name, line, replacement, expected) => {
    const problems = problemsWith(line, replacement);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  test("a section that is a key", () => {
    expect(problemsOf(`raft = 5\n${MINIMAL}`)).toMatchObject([
      { line: 1, key: "raft", what: "this is a section and no key" },
    ]);
  });
});

describe("values", () => {
  const listen = 'listen = "127.0.0.1:7401"';
  test.each([
    ["no port", listen, 'listen = "127.0.0.1"', 'node.listen: the text "127.0.0.1" has no port'],
    ["port 0", listen, 'listen = "127.0.0.1:0"', "has no port from 1 to 65535"],
    ["a port too high", listen, 'listen = "127.0.0.1:65536"', "has no port from 1 to 65535"],
    ["IPv6 without brackets", listen, 'listen = "::1"', "needs brackets and a port"],
    ["no IPv6 in brackets", listen, 'listen = "[n1]:7401"', "has no IPv6 address in its brackets"],
    ["no host", listen, 'listen = ":7401"', "has no host name before its port"],
    ["a bad host", listen, 'listen = "a b:7401"', "has no host name before its port"],
    ["an empty id", 'id = "demo"', 'id = ""', "cluster.id: "],
    ["a slash in an id", 'id = "demo"', 'id = "a/b"', "cluster.id: "],
    ["an id too long", 'id = "demo"', `id = "${"x".repeat(65)}"`, "cluster.id: "],
    ["a path that is none", 'ca = "certs/ca.crt"', "ca = true", "tls.ca: true is no path"],
    ["a date", "[tls]", "[raft]\nelection_timeout_ms = 1979-05-27\n[tls]", "the date"],
    ["a fraction", "[tls]", "[raft]\nelection_timeout_ms = 500.5\n[tls]", "is no whole number"],
    ["not a number", "[tls]", "[raft]\nelection_timeout_ms = nan\n[tls]", "is no whole number"],
    ["too small", "[tls]", "[raft]\nelection_timeout_ms = 49\n[tls]", "use a whole number from 50 to 600000"],
    [
      "too large",
      "[tls]",
      "[raft]\nheartbeat_interval_ms = 60001\n[tls]",
      "raft.heartbeat_interval_ms: 60001 is out of range",
    ],
    [
      "no choice",
      'plugin = "kv"',
      'plugin = "kv"\nhost = "thread"',
      '"thread" is none of the choices; use "worker" or "inline"',
    ],
    [
      "a command that is no list",
      'plugin = "kv"',
      'command = "python3 machine.py"',
      'state_machine.command: the text "python3 machine.py" is not a program and its arguments',
    ],
    ["a command without a word", 'plugin = "kv"', "command = []", "write each word as a text of its own"],
    ["a command with a number", 'plugin = "kv"', 'command = ["sleep", 1]', "is not a program and its arguments, like"],
    [
      "several commands",
      'plugin = "kv"',
      'command = [["a", "1"], ["a", "2"]]',
      "name one program: several versions of a program at once are not available",
    ],
    ["no list", "[tls]", '[access]\nadmins = "admin"\n[tls]', 'access.admins: the text "admin" is no list'],
    ["a bad element", "[tls]", '[access]\nadmins = ["a", "b c"]\n[tls]', 'access.admins[1]: the text "b c" is no name'],
    ["no founders", 'bootstrap = [{ id = "n1", address = "127.0.0.1:7401" }]', "bootstrap = []", "the list is empty"],
    [
      "founders in a table",
      'bootstrap = [{ id = "n1", address = "127.0.0.1:7401" }]',
      "bootstrap = {}",
      "a table is no list",
    ],
    [
      "a founder without address",
      '"n1", address = "127.0.0.1:7401" }',
      '"n1" }',
      "cluster.bootstrap[0]: address is missing",
    ],
    ["a founder that is none", '[{ id = "n1", address = "127.0.0.1:7401" }]', '["n1"]', 'the text "n1" is no member'],
    [
      "a founder twice",
      '7401" }]',
      '7401" }, { id = "n1", address = "b:1" }]',
      'cluster.bootstrap[1].id: "n1" is another member',
    ],
  ])("%s", (_name, line, replacement, expected) => {
    const problems = problemsWith(line, replacement);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test("a node that joins says where members are, and need not be anywhere itself", () => {
    const founding = 'bootstrap = [{ id = "n1", address = "127.0.0.1:7401" }]';
    const { cluster } = read(MINIMAL.replace(founding, 'join = ["10.0.0.1:7401", "n2.example:7401"]'));
    expect(cluster).toEqual({ id: "demo", bootstrap: null, join: ["10.0.0.1:7401", "n2.example:7401"] });
    expect(problemsWith(founding, "join = []")).toEqual([expect.stringContaining("cluster.join: the list is empty")]);
  });

  test("IPv6 and host names are addresses", () => {
    for (const address of ["[::1]:7401", "node-1.example.com:1", "localhost:65535"]) {
      expect(read(MINIMAL.replaceAll("127.0.0.1:7401", address)).node.listen).toBe(address);
    }
  });

  test("P57: a value with control characters, or without end, is told safely", () => {
    const [hostile] = problemsWith('id = "demo"', `id = "\\u001b[2J\\u009b\\u202e${"x".repeat(100_000)}"`);
    expect(hostile).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(hostile?.length).toBeLessThan(300);
  });
});

describe("what must fit together", () => {
  const listen = 'listen = "127.0.0.1:7401"';
  test.each([
    [
      "the own id among the founders",
      '"n1", address',
      '"n2", address',
      'node.id: "n1" is not in cluster.bootstrap (n2)',
    ],
    [
      "the own address among the founders",
      '"n1", address = "127.0.0.1',
      '"n1", address = "10.0.0.1',
      "cluster.bootstrap[0].address: ",
    ],
    [
      "an address to dial",
      listen,
      'listen = "0.0.0.0:7401"',
      'node.listen: "0.0.0.0:7401" cannot be dialled; add node.advertise',
    ],
    [
      "a beginning",
      'bootstrap = [{ id = "n1", address = "127.0.0.1:7401" }]',
      "",
      "cluster.bootstrap: this key is missing, and so is join; say who founds the cluster",
    ],
    ["a state machine", 'plugin = "kv"', "", "state_machine.plugin: this key is missing, and so is command"],
    [
      "a plugin or a program and not both",
      'plugin = "kv"',
      'plugin = "kv"\ncommand = ["a"]',
      "state_machine.command: there is a plugin too; keep plugin for a module",
    ],
    ["one beginning and not two", "[tls]", 'join = ["a:1"]\n[tls]', "cluster.join: there is a bootstrap too"],
    ["the same for IPv6", listen, 'listen = "[::]:7401"', 'node.listen: "[::]:7401" cannot be dialled'],
    [
      "no wildcard to dial",
      listen,
      `${listen}\nadvertise = "0.0.0.0:7401"`,
      'node.advertise: "0.0.0.0:7401" cannot be dialled',
    ],
    [
      "two heartbeats a timeout",
      "[tls]",
      "[raft]\nelection_timeout_ms = 100\n[tls]",
      "50 is not below half of election_timeout_ms (100)",
    ],
  ])("%s", (_name, line, replacement, expected) => {
    const problems = problemsWith(line, replacement);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test("a wildcard to listen on with an address to dial", () => {
    const text = MINIMAL.replace(listen, 'listen = "0.0.0.0:7401"\nadvertise = "127.0.0.1:7401"');
    expect(read(text).node).toMatchObject({ listen: "0.0.0.0:7401", advertise: "127.0.0.1:7401" });
  });
});
