// A graft.toml follows the members: only its list of addresses changes, and only where the file may be written.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
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
import { followMembers, isFollowed, withAddresses } from "../../src/config/client-file.ts";
import { RecordedDisk } from "../doubles/recorded-disk.ts";
import { mountSmallDisk } from "../small-disk.ts";

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

/** Each place where a comma, a comment or a line end may stand. */
function layouts(): readonly string[] {
  const gaps = ["", " ", "\n  ", ' # , "x:1"\n  '];
  const texts = gaps.flatMap((before) =>
    gaps.flatMap((after) =>
      gaps.flatMap((end) =>
        ["", ","].map(
          (last) => `cluster = [${after}"a:1"${before},${after}'b:1'${before},${after}"c:1"${last}${end}]\n`,
        ),
      ),
    ),
  );
  return [...texts, ...texts.map((text) => text.replaceAll("\n", "\r\n"))];
}

const changes = [
  { gone: ["a:1"], come: [] },
  { gone: ["b:1"], come: [] },
  { gone: ["c:1"], come: [] },
  { gone: ["a:1", "b:1"], come: [] },
  { gone: ["b:1", "c:1"], come: [] },
  { gone: ["a:1", "c:1"], come: ["d:1"] },
  { gone: [], come: ["d:1", "e:1"] },
  { gone: ["b:1"], come: ["d:1", "e:1"] },
  { gone: ["a:1", "b:1", "c:1"], come: ["d:1"] },
];

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

  test("may have its commas anywhere, and keeps the comments of other addresses", () => {
    const commaFirst = 'cluster = [\n  "a:1"   # first\n  , "b:1" # second\n  , "c:1"\n]\n';
    expect(withAddresses(commaFirst, { gone: ["a:1"], come: [] })).toBe(
      'cluster = [\n  "b:1" # second\n  , "c:1"\n]\n',
    );
    expect(withAddresses(commaFirst, { gone: ["c:1"], come: [] })).toBe(
      'cluster = [\n  "a:1"   # first\n  , "b:1" # second\n  \n]\n',
    );
    const apart = 'cluster = ["a:1",\n  # second\n  "b:1"\n  ,\n]\n';
    expect(withAddresses(apart, { gone: ["a:1"], come: [] })).toBe('cluster = [\n  # second\n  "b:1"\n  ,\n]\n');
    expect(withAddresses(apart, { gone: [], come: ["c:1"] })).toBe(apart.replace('"b:1"', '"b:1", "c:1"'));
  });

  test("is valid and as the change makes it, for every layout and every change", () => {
    for (const text of layouts()) {
      for (const change of changes) {
        const after = withAddresses(text, change);
        expect(isFollowed(text, after, change) ? "followed" : `${text} -> ${after}`).toBe("followed");
        expect(after.includes("\r")).toBe(text.includes("\r"));
        if (text.includes("\r")) expect(after.replaceAll("\r\n", "")).not.toContain("\n");
      }
    }
  });

  test("is accepted only if it is valid and nothing but the change has happened", () => {
    const change = { gone: ["a:1"], come: ["d:1"] };
    const right = withAddresses(list, change);
    expect(isFollowed(list, right, change)).toBe(true);
    for (const wrong of [
      right.replace('"d:1",', '"d:1"'),
      right.replace('"d:1",', '"a:1", "d:1",'),
      right.replace('"d:1",', ""),
      right.replace('"b:1",', ""),
      right.replace('"b:1",', '"b:1", "x:1",'),
      right.replace('"demo"', '"other"'),
    ])
      expect(isFollowed(list, wrong, change)).toBe(false);
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
    expect(followMembers(link, { gone: ["a:1"], come: ["a:2"] })).toEqual({ kind: "written" });
    expect(readFileSync(file(), "utf8")).toBe(list.replace("a:1", "a:2"));
    expect(statSync(file()).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["graft.toml", "link.toml"]);
  });

  test("is not touched when nothing changes", () => {
    const { mtimeMs } = statSync(file());
    expect(followMembers(file(), { gone: ["x:1"], come: ["a:1"] })).toEqual({ kind: "unchanged" });
    expect(statSync(file()).mtimeMs).toBe(mtimeMs);
  });

  test("stays as it is when it may not be written", () => {
    chmodSync(file(), 0o440);
    expect(followMembers(file(), { gone: ["a:1"], come: ["a:2"] })).toEqual({
      kind: "left",
      reason: "it may not be written",
    });
    expect(readFileSync(file(), "utf8")).toBe(list);
    expect(readdirSync(folder)).toEqual(["graft.toml"]);
  });

  test("keeps its owner and mode when the superuser edits it", () => {
    if (process.getuid?.() !== 0) return;
    chownSync(file(), 1234, 4321);
    chmodSync(file(), 0o666);
    expect(followMembers(file(), { gone: ["a:1"], come: ["a:2"] })).toEqual({ kind: "written" });
    expect(statSync(file())).toMatchObject({ uid: 1234, gid: 4321 });
    expect(statSync(file()).mode & 0o777).toBe(0o666);
  });

  test("stays as it is when it has become invalid, or is gone", () => {
    writeFileSync(file(), "cluster = [\n");
    expect(followMembers(file(), { gone: [], come: ["d:1"] })).toMatchObject({ kind: "left" });
    expect(readFileSync(file(), "utf8")).toBe("cluster = [\n");
    rmSync(file());
    expect(followMembers(file(), { gone: [], come: ["d:1"] })).toEqual({
      kind: "left",
      reason: expect.stringContaining("ENOENT"),
    });
  });

  test("stays as it is on a full disk, leaves no draft, and follows once there is space", async () => {
    const disk = await mountSmallDisk(1 << 20);
    try {
      const path = join(disk.path, "graft.toml");
      writeFileSync(path, list);
      await disk.fillTo(0);
      const change = { gone: [], come: ["d:1"] };
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(followMembers(path, change)).toEqual({ kind: "left", reason: expect.stringContaining("ENOSPC") });
        expect(readdirSync(disk.path).sort()).toEqual(["ballast", "graft.toml"]);
      }
      expect(readFileSync(path, "utf8")).toBe(list);
      await disk.empty();
      expect(followMembers(path, change)).toEqual({ kind: "written" });
      expect(readdirSync(disk.path)).toEqual(["graft.toml"]);
    } finally {
      await disk.remove();
    }
  });
});

test("P45: a power cut leaves the old list or the new one, and never half a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "graft-client-file-"));
  const path = join(folder, "graft.toml");
  writeFileSync(path, list);
  {
    using disk = new RecordedDisk();
    expect(followMembers(path, { gone: ["a:1"], come: ["a:2"] })).toEqual({ kind: "written" });
    expect(disk.tooEarly).toEqual([]);
    expect(disk.lost(path, folder)).not.toContain("the content of graft.toml");
    disk.failsToSync = () => true;
    expect(followMembers(path, { gone: ["b:1"], come: ["b:2"] })).toMatchObject({ kind: "left" });
  }
  expect(readFileSync(path, "utf8")).toBe(list.replace("a:1", "a:2"));
  expect(readdirSync(folder)).toEqual(["graft.toml"]);
  rmSync(folder, { recursive: true });
});
