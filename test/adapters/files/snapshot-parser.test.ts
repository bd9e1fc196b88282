// Whatever comes under checksums that fit: only what a writer writes is a snapshot. A header may come from a node that is not quite right, under a checksum that fits: what lacks a field, or has it of another
// kind, is damage, and not what the log will be built on.
import { describe, expect, test } from "bun:test";
import {
  encodeEnd,
  encodeFrame,
  encodeHeader,
  encodePreamble,
  formatVersion,
  type FrameKind,
  frameKinds,
} from "../../../src/adapters/files/snapshot-format.ts";
import { SnapshotDamage, SnapshotParser } from "../../../src/adapters/files/snapshot-parser.ts";
import { headerAt } from "../../contracts/snapshot-store.contract.ts";

type Json = { [key: string]: Json } | Json[] | string | number | null;

const sound = (): Json => structuredClone(headerAt(120)) as unknown as Json;

/** The parser's finding in a file that begins with this header, sealed as it has to be; null: none. */
function findingIn(header: Json): string | null {
  const parser = new SnapshotParser();
  const payload = new TextEncoder().encode(JSON.stringify(header));
  try {
    parser.push(encodePreamble());
    parser.push(encodeFrame(0, frameKinds.header, payload).bytes);
    return null;
  } catch (error) {
    if (error instanceof SnapshotDamage) return error.message;
    throw error;
  }
}

/** The ways to every field of it, the last step of each a name or a place in a list. */
function* waysIn(value: Json, way: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    yield [...way, name];
    yield* waysIn(inner, [...way, name]);
  }
}

/** The header with another value there; undefined: without it. */
function changed(way: readonly string[], to: Json | undefined): Json {
  const header = sound();
  let holder = header as { [key: string]: Json };
  for (const step of way.slice(0, -1)) holder = holder[step] as { [key: string]: Json };
  const last = way.at(-1)!;
  if (to === undefined) delete holder[last];
  else holder[last] = to;
  return header;
}

test.each([formatVersion - 1, formatVersion + 1, 0])(
  "a file of the format %d is told so, and is not taken apart",
  (format) => {
    const preamble = encodePreamble();
    new DataView(preamble.buffer, preamble.byteOffset).setUint32(preamble.byteLength - 4, format);
    expect(() => new SnapshotParser().push(preamble)).toThrow(`it has the format ${format}, and this version`);
  },
);

describe("the header of a snapshot", () => {
  const ways = [...waysIn(sound())];

  test("is taken as it was written, with a field more as well", () => {
    expect(findingIn(sound())).toBeNull();
    expect(findingIn(changed(["later"], "anything"))).toBeNull();
    expect(ways.length).toBeGreaterThan(30);
  });

  test.each(ways.map((way) => [way.join("."), way] as const))("is damage with another kind of %s", (_, way) => {
    const isOptional = way.join(".") === "activation";
    for (const wrong of [...(isOptional ? [] : [null]), { not: "that" }, -1.5])
      expect(findingIn(changed(way, wrong))).toBe("its header lacks a field");
  });

  // A list without one of its items is a list.
  const named = ways.filter((way) => !/^\d+$/.test(way.at(-1)!));
  test.each(named.map((way) => [way.join("."), way] as const))("is damage without %s", (_, way) => {
    expect(findingIn(changed(way, undefined))).toBe("its header lacks a field");
  });
});

type Piece = readonly [kind: number, payload: Uint8Array];

/** The parser's finding in a file of these frames, each sealed as it has to be; null: it is a whole snapshot. */
function findingInFrames(...frames: readonly Piece[]): string | null {
  const parser = new SnapshotParser();
  let checksum = 0;
  try {
    parser.push(encodePreamble());
    for (const [kind, payload] of frames) {
      const frame = encodeFrame(checksum, kind as FrameKind, payload);
      checksum = frame.checksum;
      parser.push(frame.bytes);
    }
    parser.finish();
    return null;
  } catch (error) {
    if (error instanceof SnapshotDamage) return error.message;
    throw error;
  }
}

describe("frames whose checksums fit", () => {
  const header: Piece = [frameKinds.header, encodeHeader(headerAt(120))];
  const chunk = (bytes: number): Piece => [frameKinds.chunk, new Uint8Array(bytes)];
  const end = (chunks: number, bytes: number): Piece => [frameKinds.end, encodeEnd(chunks, bytes)];
  const longHeader = (bytes: number): Piece => [frameKinds.header, new TextEncoder().encode(paddedHeader(bytes))];
  const paddedHeader = (bytes: number): string => {
    const text = JSON.stringify({ ...headerAt(120), later: "" });
    return text.replace('"later":""', `"later":"${"x".repeat(bytes - text.length)}"`);
  };

  test.each<[string, readonly Piece[]]>([
    ["no chunk", [header, end(0, 0)]],
    ["chunks of any size", [header, chunk(0), chunk(1), chunk(256 * 1024), end(3, 256 * 1024 + 1)]],
    ["a header as long as it may be", [longHeader(1024 * 1024), end(0, 0)]],
  ])("are a snapshot with %s", (_, frames) => {
    expect(findingInFrames(...frames)).toBeNull();
  });

  const miscounted = "its end mark does not count 2 chunks of 7 bytes";
  test.each<[string, readonly Piece[], string]>([
    ["an end that counts a chunk less", [header, chunk(3), chunk(4), end(1, 7)], miscounted],
    ["an end that counts a chunk more", [header, chunk(3), chunk(4), end(3, 7)], miscounted],
    ["an end that counts other bytes", [header, chunk(3), chunk(4), end(2, 8)], miscounted],
    // The byte that is missing is 0, and so is the next one in the file.
    [
      "an end cut short",
      [header, chunk(256), [frameKinds.end, encodeEnd(1, 256).subarray(0, 15)]],
      "its end mark does not count 1 chunks of 256 bytes",
    ],
    ["no end", [header, chunk(3)], "before its end mark"],
    ["a chunk before the header", [chunk(3), header, end(1, 3)], "a frame of kind 2 and 3 bytes"],
    ["an end before the header", [end(0, 0)], "a frame of kind 3 and 16 bytes"],
    ["two headers", [header, header, end(0, 0)], "a frame of kind 1"],
    ["a kind that does not exist", [header, [4, new Uint8Array(3)], end(0, 0)], "a frame of kind 4 and 3 bytes"],
    [
      "a chunk that is too long",
      [header, chunk(256 * 1024 + 1), end(1, 262_145)],
      "a frame of kind 2 and 262145 bytes",
    ],
    ["a header that is too long", [longHeader(1024 * 1024 + 1), end(0, 0)], "a frame of kind 1 and 1048577 bytes"],
    ["an end that is too long", [header, [frameKinds.end, new Uint8Array(17)]], "a frame of kind 3 and 17 bytes"],
    ["a header that is no JSON", [[frameKinds.header, Buffer.from("{")], end(0, 0)], "its header cannot be read"],
    [
      "a header that is no UTF-8",
      [[frameKinds.header, Buffer.from(JSON.stringify(headerAt(120)).replace("demo", "\u00ff"), "latin1")], end(0, 0)],
      "its header cannot be read",
    ],
    ["a chunk after the end", [header, end(0, 0), chunk(3)], "there are bytes after its end mark"],
  ])("are damage with %s", (_, frames, finding) => {
    expect(findingInFrames(...frames)).toContain(finding);
  });
});
