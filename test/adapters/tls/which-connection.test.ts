// Of two connections with one node, which one stays: decided alike on both sides.
import { describe, expect, test } from "bun:test";
import { whichConnection } from "../../../src/adapters/tls/which-connection.ts";

const ids = ["n1", "n2"] as const;
const of = (dialler: string, bootId = "boot", incarnation = "i") => ({ dialler, bootId, incarnation });
const verdict = (standing: string, candidate: string, ageMs = 10, order: readonly [string, string] = ids) =>
  whichConnection({
    standing: { ...of(standing), ageMs },
    candidate: of(candidate),
    ids: order,
    handshakeTimeoutMs: 5_000,
  });

describe("two connections at the same moment", () => {
  test("the one dialled by the smaller id stays, whichever was known first, on either side", () => {
    for (const order of [ids, ["n2", "n1"]] as const) {
      expect(verdict("n1", "n2", 10, order)).toBe("surplus");
      expect(verdict("n2", "n1", 10, order)).toBe("replace");
    }
  });

  test("a newer one of the same side replaces the older one", () => {
    expect(verdict("n1", "n1")).toBe("replace");
    expect(verdict("n2", "n2")).toBe("replace");
  });
});

test("a dial that cannot be simultaneous means that the other side has lost its connection", () => {
  expect(verdict("n1", "n2", 5_000)).toBe("surplus");
  expect(verdict("n1", "n2", 5_001)).toBe("replace");
});

test("P42: another process, or another disk, under a live identity is never let in", () => {
  for (const candidate of [of("n1", "other"), of("n2", "other"), of("n1", "boot", "wiped")]) {
    const standing = { ...of("n1"), ageMs: 1e9 };
    expect(whichConnection({ standing, candidate, ids, handshakeTimeoutMs: 5_000 })).toBe("duplicate");
  }
});
