// The chain over the entries: each thing that an entry says changes it, in all of its 53 bits.
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

/** Two texts whose hashes have the same lower half: about one in 2^32 pairs, and there are that many of 100,000 texts. */
function halfAlike(): readonly [string, string] {
  const seen = new Map<bigint, string>();
  for (let nth = 0; ; nth++) {
    const text = `text-${nth}`;
    const lower = BigInt.asUintN(32, Bun.hash.xxHash3(text));
    const other = seen.get(lower);
    if (other !== undefined) return [other, text];
    seen.set(lower, text);
  }
}

test("payloads and names whose hashes are half alike have different checksums", () => {
  const [one, other] = halfAlike();
  const ofPayload = [one, other].map((text) => nextChain(1, { ...link, payload: new TextEncoder().encode(text) }));
  const ofName = [one, other].map((client) => nextChain(1, { ...link, client }));
  expect(new Set(ofPayload).size).toBe(2);
  expect(new Set(ofName).size).toBe(2);
});
