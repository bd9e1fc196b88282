// Whether a node can be reached is answered from what is known, and a probe adds to that.
import { describe, expect, test } from "bun:test";
import { CrashWatch } from "../../../src/adapters/tls/crash-watch.ts";
import { makeSure, reach, type Sight } from "../../../src/adapters/tls/reach.ts";
import type { Discovery, PeerIdentity } from "../../../src/ports/transport.ts";

const n2: PeerIdentity = { id: "n2", incarnation: "a".repeat(32), bootId: "boot-1" };
const there: Discovery = { kind: "there", identity: n2 };
const refused: Discovery = { kind: "failed", reason: "connection refused" };
const dialled = { kind: "reached", incarnation: n2.incarnation, by: "dialled" } as const;

/** n2 is connected, and this node has not dialled it. A probe of an address that is not in `answers` is refused. */
function setUp(answers: Readonly<Record<string, Discovery>>) {
  const probes: string[] = [];
  const crashed: string[] = [];
  const crashes = new CrashWatch({ onCrashed: ({ bootId }) => void crashed.push(bootId), onDialled: () => {} });
  crashes.connected(n2);
  const sight: Sight = {
    table: { has: (id) => id === n2.id, identityOf: (id) => (id === n2.id ? n2 : null) },
    crashes,
    greeter: {
      probe(id, address) {
        probes.push(`${id} ${address}`);
        return Promise.resolve(answers[address] ?? refused);
      },
    },
  };
  return { sight, crashes, probes, crashed };
}

describe("what a probe has shown is remembered", () => {
  test("the next question about the same address needs no probe, and one about another address does", async () => {
    const { sight, probes } = setUp({ "n2:1": there });
    expect(await reach("n2", "n2:1", 100, sight)).toEqual(dialled);
    expect(await reach("n2", "n2:1", 100, sight)).toEqual(dialled);
    expect(probes).toEqual(["n2 n2:1"]);
    await reach("n2", "n2:2", 100, sight);
    expect(probes).toEqual(["n2 n2:1", "n2 n2:2"]);
  });

  test("a refusal at the address is evidence from then on, whichever of the two has probed", async () => {
    for (const probe of [reach, makeSure]) {
      const { sight, crashes, crashed } = setUp({ "n2:1": there });
      crashes.foundVacant("n2", "n2:1");
      expect(crashed).toEqual([]);
      await probe("n2", "n2:1", 100, sight);
      crashes.foundVacant("n2", "n2:1");
      expect(crashed).toEqual(["boot-1"]);
    }
  });

  test("a probe that failed shows nothing: the peer's own connection counts, and the address is probed again", async () => {
    const { sight, crashes, probes } = setUp({});
    const byItsOwn = { kind: "reached", incarnation: n2.incarnation, by: "accepted" } as const;
    for (let times = 0; times < 2; times++) expect(await reach("n2", "n2:1", 100, sight)).toEqual(byItsOwn);
    await makeSure("n2", "n2:1", 100, sight);
    expect([probes.length, crashes.hasDialled("n2", "n2:1")]).toEqual([3, false]);
    expect(await reach("n3", "n3:1", 100, sight)).toEqual({ kind: "unreachable", reason: "connection refused" });
  });
});

test("a peer that leaves while it is probed is not reached over the connection that it had", async () => {
  const { sight } = setUp({});
  const left = { ...sight, table: { ...sight.table, identityOf: () => (isThere ? n2 : null) } };
  let isThere = true;
  const answer = reach("n2", "n2:1", 100, left);
  isThere = false;
  expect(await answer).toEqual({ kind: "unreachable", reason: "connection refused" });
});

test("a peer that is not connected, or that was dialled at the address, is not probed to make sure", async () => {
  const { sight, crashes, probes } = setUp({ "n2:1": there });
  await makeSure("n3", "n3:1", 100, sight);
  crashes.dialled(n2, "n2:1");
  await makeSure("n2", "n2:1", 100, sight);
  expect(probes).toEqual([]);
});
