// The chain over the entries: everything that an entry says changes it, and no half of a hash is lost.
import { expect, test } from "bun:test";
import { type ChainLink, nextChain } from "../../../src/adapters/sqlite/chain.ts";

const link: ChainLink = {
  index: 7,
  term: 2,
  stampMs: 1_700_000_000_000,
  kindNumber: 2,
  payload: new Uint8Array([1, 2, 3]),
  session: 3,
  sequence: 5,
  answeredBelow: 4,
  client: "admin",
};

test("everything that an entry says, and what stands before it, goes into its checksum", () => {
  const others: readonly ChainLink[] = [
    { ...link, index: 8 },
    { ...link, term: 3 },
    { ...link, stampMs: link.stampMs + 1 },
    { ...link, kindNumber: 3 },
    { ...link, payload: new Uint8Array([1, 2, 4]) },
    { ...link, payload: new Uint8Array() },
    { ...link, session: 4 },
    { ...link, sequence: 6 },
    { ...link, answeredBelow: 5 },
    { ...link, client: "admim" },
    { ...link, client: "" },
  ];
  const chains = [nextChain(1, link), nextChain(2, link), ...others.map((other) => nextChain(1, other))];
  expect(new Set(chains).size).toBe(chains.length);
  expect(nextChain(1, { ...link })).toBe(nextChain(1, link));
});

/** Two texts whose hashes have the same half: about one pair in 2^32 has, and 100,000 texts make that many pairs. */
function alikeIn(half: (hash: bigint) => bigint): readonly [string, string] {
  const seen = new Map<bigint, string>();
  for (let nth = 0; ; nth++) {
    const text = `text-${nth}`;
    const part = half(Bun.hash.xxHash3(text));
    const other = seen.get(part);
    if (other !== undefined) return [other, text];
    seen.set(part, text);
  }
}

test.each([
  ["lower", (hash: bigint) => BigInt.asUintN(32, hash)],
  ["upper", (hash: bigint) => hash >> 32n],
])("payloads and names whose hashes are alike in the %s half have different checksums", (_, half) => {
  const [one, other] = alikeIn(half);
  const ofPayload = [one, other].map((text) => nextChain(1, { ...link, payload: new TextEncoder().encode(text) }));
  const ofName = [one, other].map((client) => nextChain(1, { ...link, client }));
  expect(new Set(ofPayload).size).toBe(2);
  expect(new Set(ofName).size).toBe(2);
});
