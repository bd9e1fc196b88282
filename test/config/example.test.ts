// That the examples in configs/ are what the code reads: nothing in them is wrong, and node.toml shows every key.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { loadConfig, readConfig } from "../../src/config/config.ts";
import { nodeKeys } from "../../src/config/node-keys.ts";

const CONFIGS = join(import.meta.dir, "../../configs");

/** The example as that of a node that joins. */
const joining = (example: string): string =>
  example.replace(/^bootstrap = \[[^]*?^\]\n/m, "").replace(/^# join = /m, "join = ");

describe.each(["node.toml", "cluster/n1.toml", "cluster/n2.toml", "cluster/n3.toml"])("%s", (file) => {
  test("is a good configuration", () => {
    expect(loadConfig(join(CONFIGS, file)).cluster.id).toBe("demo");
  });
});

test("node.toml shows every key, with its default where it has one", () => {
  const example = readFileSync(join(CONFIGS, "node.toml"), "utf8");
  const sections = parse(example) as Record<string, Record<string, unknown>>;
  const shown = Object.entries(sections).flatMap(([section, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ key: `${section}.${key}`, value })),
  );
  // A node founds a cluster or joins one, and has a plugin or a program: the file shows both, and says the first.
  const said = Object.keys(nodeKeys).filter((key) => !["cluster.join", "state_machine.command"].includes(key));
  expect(shown.map(({ key }): string => key)).toEqual(said);
  expect(readConfig(joining(example), "node.toml")).toMatchObject({ config: { cluster: { bootstrap: null } } });
  for (const [key, spec] of Object.entries(nodeKeys)) {
    if (spec.fallback === undefined || spec.fallback === null) continue;
    expect(shown.find((each) => each.key === key)).toMatchObject({ value: spec.fallback });
  }
});

test("a comment above every key in node.toml says what it is for", () => {
  const example = readFileSync(join(CONFIGS, "node.toml"), "utf8");
  for (const key of Object.keys(nodeKeys)) {
    const name = key.split(".")[1] ?? key;
    expect(example).toMatch(new RegExp(`^# [A-Z"].+\\.\n(?:# )?${name} = `, "m"));
  }
});

test("the three of the cluster differ in nothing but their own names and places", () => {
  const [first, ...others] = ["n1", "n2", "n3"].map((id) => {
    const config = loadConfig(join(CONFIGS, `cluster/${id}.toml`));
    expect(config.node.id).toBe(id);
    expect(config.tls.cert).toEndWith(`certs/${id}.crt`);
    return config.cluster;
  });
  for (const other of others) expect(other).toEqual(first as typeof other);
});
