// Which evidence shows that a peer's process has ended, and how often its end is told.
import { describe, expect, test } from "bun:test";
import { CrashWatch } from "../../../src/adapters/tls/crash-watch.ts";

const first = { id: "n2", incarnation: "a".repeat(32), bootId: "boot-1" };
const second = { ...first, bootId: "boot-2" };
const wiped = { ...first, incarnation: "b".repeat(32), bootId: "boot-3" };

function setUp() {
  const crashed: string[] = [];
  const dialled: string[] = [];
  const watch = new CrashWatch({
    onCrashed: ({ bootId }) => void crashed.push(bootId),
    onDialled: (id, address) => void dialled.push(`${id} ${address}`),
  });
  return { watch, crashed, dialled };
}

describe("nobody listens any more", () => {
  test("where this process was reached: it has ended, which is told once", () => {
    const { watch, crashed, dialled } = setUp();
    watch.connected(first);
    watch.dialled(first, "n2:1");
    for (let times = 0; times < 3; times++) watch.foundVacant("n2", "n2:1");
    expect([crashed, dialled]).toEqual([["boot-1"], ["n2 n2:1"]]);
  });

  test("where it was never reached, or an earlier process was, or after another disk: that shows nothing", () => {
    const { watch, crashed } = setUp();
    watch.foundVacant("n2", "n2:1");
    watch.connected(first);
    watch.foundVacant("n2", "n2:1");
    watch.dialled(second, "n2:1");
    watch.foundVacant("n2", "n2:1");
    watch.dialled(first, "n2:1");
    watch.foundVacant("n2", "elsewhere:1");
    watch.connected(wiped);
    watch.foundVacant("n2", "n2:1");
    expect([crashed, watch.hasDialled("n2", "n2:1")]).toEqual([[], false]);
  });

  test("and yet the process connects again: its real end is told when it comes", () => {
    const { watch, crashed } = setUp();
    watch.connected(first);
    watch.dialled(first, "n2:1");
    watch.foundVacant("n2", "n2:1");
    watch.connected(first);
    expect(crashed).toEqual(["boot-1"]);
    watch.foundVacant("n2", "n2:1");
    expect(crashed).toEqual(["boot-1", "boot-1"]);
  });
});

describe("another process introduces itself", () => {
  test("of the same disk: the one before it has ended, which is told once", () => {
    const { watch, crashed } = setUp();
    watch.connected(first);
    watch.connected(second);
    watch.connected(second);
    expect(crashed).toEqual(["boot-1"]);
  });

  test("whose predecessor was told already: nothing more is told, until it ends itself", () => {
    const { watch, crashed } = setUp();
    watch.connected(first);
    watch.dialled(first, "n2:1");
    watch.foundVacant("n2", "n2:1");
    watch.connected(second);
    expect(crashed).toEqual(["boot-1"]);
    watch.foundVacant("n2", "n2:1");
    expect(crashed).toEqual(["boot-1"]);
    watch.dialled(second, "n2:1");
    watch.foundVacant("n2", "n2:1");
    expect(crashed).toEqual(["boot-1", "boot-2"]);
  });

  test("of another disk: nothing is known of the one before it", () => {
    const { watch, crashed } = setUp();
    watch.connected(first);
    watch.connected(wiped);
    expect(crashed).toEqual([]);
  });
});

test("that a process was reached by a dial is told once for each address", () => {
  const { watch, dialled } = setUp();
  watch.connected(first);
  for (const address of ["n2:1", "n2:1", "n2:2", "n2:2"]) watch.dialled(first, address);
  watch.dialled(second, "n2:3");
  expect(dialled).toEqual(["n2 n2:1", "n2 n2:2"]);
});
