// A header may come from a node that is not quite right, under a checksum that fits: what lacks a field, or has it of another
// kind, is damage, and not what the log will be built on.
import { describe, expect, test } from "bun:test";
import { encodeFrame, encodePreamble, frameKinds } from "../../../src/adapters/files/snapshot-format.ts";
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

describe("the header of a snapshot", () => {
  const ways = [...waysIn(sound())];

  test("is taken as it was written, with a field more as well", () => {
    expect(findingIn(sound())).toBeNull();
    expect(findingIn(changed(["later"], "anything"))).toBeNull();
    expect(ways.length).toBeGreaterThan(30);
  });

  test.each(ways.map((way) => [way.join("."), way] as const))("is damage with another kind of %s", (_, way) => {
    for (const wrong of [null, { not: "that" }, -1.5])
      expect(findingIn(changed(way, wrong))).toBe("its header lacks a field");
  });

  // A list without one of its items is a list.
  const named = ways.filter((way) => !/^\d+$/.test(way.at(-1)!));
  test.each(named.map((way) => [way.join("."), way] as const))("is damage without %s", (_, way) => {
    expect(findingIn(changed(way, undefined))).toBe("its header lacks a field");
  });
});
