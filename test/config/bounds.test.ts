// The ends of every range in a node's configuration: just inside is taken, just outside is refused by name.
import { expect, test } from "bun:test";
import { addressLengthMax } from "../../src/core/address.ts";
import { nameLengthMax } from "../../src/core/name.ts";
import { readConfig } from "../../src/config/config.ts";
import { nodeKeys } from "../../src/config/node-keys.ts";

const fileWith = (changes: Readonly<Record<string, string>>): string => {
  const sections: Record<string, Record<string, string>> = {
    node: { id: '"n1"', data_dir: '"data/n1"', listen: '"127.0.0.1:7401"' },
    cluster: { id: '"demo"', bootstrap: '[{ id = "n1", address = "127.0.0.1:7401" }]' },
    tls: { ca: '"a"', cert: '"b"', key: '"c"' },
    state_machine: { plugin: '"kv"' },
  };
  for (const [path, value] of Object.entries(changes)) {
    const [section = "", key = ""] = path.split(".");
    sections[section] = { ...sections[section], [key]: value };
  }
  return Object.entries(sections)
    .map(([name, keys]) => [`[${name}]`, ...Object.entries(keys).map(([key, value]) => `${key} = ${value}`)].join("\n"))
    .join("\n");
};

/** The keys that are complained of. */
const complaints = (changes: Readonly<Record<string, string>>): readonly string[] => {
  const result = readConfig(fileWith(changes), "/etc/graft/node.toml");
  return "problems" in result ? result.problems.map(({ key }) => key) : [];
};

/** With what else has to be in the file, for the values to fit together. */
const ranges: Readonly<
  Record<string, { readonly min: number; readonly max: number; readonly beside?: Readonly<Record<string, string>> }>
> = {
  "raft.election_timeout_ms": { min: 50, max: 600_000, beside: { "raft.heartbeat_interval_ms": "5" } },
  "raft.heartbeat_interval_ms": { min: 5, max: 60_000, beside: { "raft.election_timeout_ms": "600000" } },
  "raft.snapshot_every_entries": { min: 100, max: 1_000_000_000 },
  "raft.snapshot_every_bytes": { min: 65_536, max: 1_099_511_627_776 },
  "raft.compare_every_entries": { min: 16, max: 1_000_000 },
  "storage.min_free_bytes": { min: 33_554_432, max: 1_099_511_627_776 },
  "storage.min_free_percent": { min: 0, max: 50 },
  "storage.scrub_interval_ms": { min: 0, max: 2_147_483_647 },
};

test.each(Object.entries(ranges))("%s", (key, { min, max, beside = {} }) => {
  for (const inside of [min, max]) expect(complaints({ ...beside, [key]: String(inside) })).toEqual([]);
  for (const outside of [min - 1, max + 1, -1])
    expect(complaints({ ...beside, [key]: String(outside) })).toEqual([key]);
  for (const other of [`${min}.5`, `"${min}"`, "nan", "inf"]) {
    expect(complaints({ ...beside, [key]: other })).toEqual([key]);
  }
});

test("every key that is a number has its range here", () => {
  const numbers = Object.entries(nodeKeys).flatMap(([key, { fallback }]) =>
    typeof fallback === "number" ? [key] : [],
  );
  expect(numbers.toSorted()).toEqual(Object.keys(ranges).toSorted());
});

test("a heartbeat is below half of the election timeout, and no longer at half", () => {
  const both = (election: number, heartbeat: number): readonly string[] =>
    complaints({ "raft.election_timeout_ms": String(election), "raft.heartbeat_interval_ms": String(heartbeat) });
  expect(both(1000, 499)).toEqual([]);
  expect(both(1000, 500)).toEqual(["raft.heartbeat_interval_ms"]);
  expect(both(1001, 500)).toEqual([]);
});

test.each(["node.id", "cluster.id"])("%s has 1 to 64 characters", (key) => {
  const named = (name: string): Readonly<Record<string, string>> => ({
    [key]: `"${name}"`,
    ...(key === "node.id" ? { "cluster.bootstrap": `[{ id = "${name}", address = "127.0.0.1:7401" }]` } : {}),
  });
  for (const length of [1, nameLengthMax]) expect(complaints(named("n".repeat(length)))).toEqual([]);
  for (const length of [0, nameLengthMax + 1]) expect(complaints(named("n".repeat(length)))).toContain(key);
});

test.each(["node.listen", "node.advertise"])(
  "the port of %s is from 1 to 65535, and its host is not too long",
  (key) => {
    const at = (address: string): Readonly<Record<string, string>> => ({
      [key]: `"${address}"`,
      "cluster.bootstrap": `[{ id = "n1", address = "${address}" }]`,
    });
    for (const port of [1, 65_535]) expect(complaints(at(`10.0.0.1:${port}`))).toEqual([]);
    for (const port of [0, 65_536, -1]) expect(complaints(at(`10.0.0.1:${port}`))).toContain(key);
    const long = (length: number): string => `${"a.".repeat(200).slice(0, length - 5)}:7401`;
    expect(complaints(at(long(addressLengthMax + 1)))).toContain(key);
  },
);
