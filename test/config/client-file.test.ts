// A graft.toml follows the members: only its list of addresses changes, and only where the file may be written.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { followMembers, withAddresses } from "../../src/config/client-file.ts";

const list = `# Ours.
id = "demo"   # the name
cluster = [
  "a:1", # the first one
  "b:1",
  # The third stands elsewhere.
  'c:1' # no comma
]
ca = "certs/ca.crt"
`;

describe("the list in a graft.toml", () => {
  test("gives the place of a node that has moved to its new address, and keeps everything else", () => {
    expect(withAddresses(list, { gone: ["a:1"], come: ["a:2"] })).toBe(list.replace("a:1", "a:2"));
    expect(withAddresses(list, { gone: ["c:1"], come: ["c:2"] })).toBe(list.replace("c:1", "c:2"));
  });

  test("loses the line of a node that has left, with its comment", () => {
    expect(withAddresses(list, { gone: ["a:1"], come: [] })).toBe(list.replace('  "a:1", # the first one\n', ""));
    expect(withAddresses(list, { gone: ["c:1"], come: [] })).toBe(list.replace("  'c:1' # no comma\n", ""));
  });

  test("gets a line for a node that has come, written as the last one is", () => {
    expect(withAddresses(list, { gone: [], come: ["d:1"] })).toBe(
      list.replace("'c:1' # no comma\n", `'c:1', # no comma\n  "d:1",\n`),
    );
  });

  test("may stand on one line", () => {
    const short = 'cluster = ["a:1", "b:1",] # both\n';
    expect(withAddresses(short, { gone: ["a:1"], come: [] })).toBe('cluster = ["b:1",] # both\n');
    expect(withAddresses(short, { gone: ["b:1"], come: [] })).toBe('cluster = ["a:1",] # both\n');
    expect(withAddresses(short, { gone: [], come: ["c:1", "d:1"] })).toBe(
      'cluster = ["a:1", "b:1", "c:1", "d:1",] # both\n',
    );
    expect(withAddresses(short, { gone: ["a:1", "b:1"], come: ["c:1"] })).toBe('cluster = ["c:1",] # both\n');
  });

  test("is never left empty, and is not made where there is none", () => {
    const one = 'cluster = ["a:1"]\n';
    expect(withAddresses(one, { gone: ["a:1"], come: [] })).toBe(one);
    expect(withAddresses(one, { gone: ["x:1"], come: ["a:1"] })).toBe(one);
    const none = 'id = "demo"\n[node]\ncluster = ["a:1"]\n';
    expect(withAddresses(none, { gone: ["a:1"], come: ["b:1"] })).toBe(none);
  });

  test("may stand behind a byte order mark", () => {
    expect(withAddresses(`\ufeff${list}`, { gone: ["a:1"], come: ["a:2"] })).toBe(
      `\ufeff${list.replace("a:1", "a:2")}`,
    );
  });

  test("is what it becomes, whatever the order of changes", () => {
    const text = withAddresses(list, { gone: ["a:1", "b:1"], come: ["d:1", "e:1", "f:1"] });
    const { cluster } = Bun.TOML.parse(text) as { cluster: string[] };
    expect(cluster).toEqual(["d:1", "e:1", "c:1", "f:1"]);
  });
});

describe("the file", () => {
  let folder = "";
  const file = (): string => join(folder, "graft.toml");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "graft-follow-"));
    writeFileSync(file(), list, { mode: 0o640 });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("is replaced in one step, also behind a link, and keeps its rights", () => {
    const link = join(folder, "link.toml");
    symlinkSync(file(), link);
    expect(followMembers(link, { gone: ["a:1"], come: ["a:2"] })).toBe("written");
    expect(readFileSync(file(), "utf8")).toBe(list.replace("a:1", "a:2"));
    expect(statSync(file()).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["graft.toml", "link.toml"]);
  });

  test("is not touched when nothing changes", () => {
    const { mtimeMs } = statSync(file());
    expect(followMembers(file(), { gone: ["x:1"], come: ["a:1"] })).toBe("unchanged");
    expect(statSync(file()).mtimeMs).toBe(mtimeMs);
  });

  test("stays as it is when it may not be written", () => {
    chmodSync(file(), 0o440);
    expect(followMembers(file(), { gone: ["a:1"], come: ["a:2"] })).toBe("notWritable");
    expect(readFileSync(file(), "utf8")).toBe(list);
    expect(readdirSync(folder)).toEqual(["graft.toml"]);
  });
});
