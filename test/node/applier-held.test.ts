// What the applier held back goes on when nothing holds it back any more, and needs no other event for that.
import { describe, expect, test } from "bun:test";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";
import { snapshotAt } from "../core/say.ts";

describe("what was held back while the log was about to let go of it", () => {
  const log = [command(1), command(2), command(3)];

  test("is handed over as soon as the entries stay after all, and its client is answered", async () => {
    const { applier, machine, waiters } = setUp(log);
    const client = waiter("command");
    waiters.set(2, client);
    applier.advance(1);
    await microtasks();
    applier.hold();
    applier.advance(3);
    await microtasks();
    expect([machine.applied, client.answers]).toEqual([["1:c1"], []]);
    applier.letGo();
    await microtasks();
    expect([machine.applied, client.answers]).toEqual([["1:c1", "2:c2", "3:c3"], ["2.1 c2"]]);
    expect(applier.appliedIndex).toBe(3);
  });

  test("follows the snapshot that takes the place of what is gone", async () => {
    const { applier, machine, restores } = setUp(log);
    applier.hold();
    applier.advance(3);
    applier.restore(snapshotAt({ index: 2, term: 1 }));
    restores[0]!.settle.resolve();
    await microtasks();
    expect([machine.applied, applier.appliedIndex]).toEqual([["3:c3"], 3]);
  });

  test("is held back also where that begins while an earlier snapshot is restored, or waits for its turn", async () => {
    const nine = [...log, ...Array.from({ length: 6 }, (_, at) => command(at + 4))];
    const [isRestoring, waits] = [setUp(nine), setUp(nine)];
    isRestoring.applier.restore(snapshotAt({ index: 4, term: 1 }));
    waits.machine.isSlow = true;
    waits.applier.advance(1);
    waits.applier.restore(snapshotAt({ index: 4, term: 1 }));
    for (const { applier, machine, restores, pages } of [isRestoring, waits]) {
      pages.length = 0;
      applier.advance(8);
      applier.hold();
      restores[0]?.settle.resolve();
      machine.release();
      machine.isSlow = false;
      await microtasks();
      expect([pages, restores.length]).toEqual([[], machine === waits.machine ? 0 : 1]);
      applier.restore(snapshotAt({ index: 7, term: 1 }));
      restores.at(-1)!.settle.resolve();
      await microtasks();
      expect([pages, restores.at(-1)!.through, applier.appliedIndex]).toEqual([[[8, 8]], 7, 8]);
    }
  });

  test("queries that such entries make due are answered with them", async () => {
    const { applier, queries } = setUp(log);
    const client = waiter("query", "count");
    applier.hold();
    applier.advance(3);
    queries.set(3, [client]);
    applier.serve();
    await microtasks();
    expect(client.answers).toEqual([]);
    applier.letGo();
    await microtasks();
    expect(client.answers).toHaveLength(1);
  });
});
