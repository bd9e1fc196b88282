// What becomes of clients once the copy of the state is not to be trusted? node/applier.ts.
import { expect, test } from "bun:test";
import { CopyDistrusted } from "../../src/node/own-copy.ts";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";

test.each(["wrong", "doubted"] as const)("nobody hears what a copy that is %s had under way", async (standing) => {
  const { applier, machine, waiters, queries } = setUp([command(1), command(2)]);
  machine.isSlow = true;
  const [asked, commanded] = [waiter("query"), waiter("command")];
  queries.set(0, [asked]);
  applier.serve();
  waiters.set(1, commanded);
  applier.advance(1);
  await microtasks();
  applier.distrust(new CopyDistrusted(standing, "it differs"));
  machine.release();
  await microtasks();
  machine.release();
  await microtasks();
  // A client is told the first answer alone.
  for (const { answers } of [asked, commanded]) expect(answers[0]).toMatch(/^[a-z]/);
});

test.each(["wrong", "doubted"] as const)("no query is asked of a copy that is %s", async (standing) => {
  const { applier, machine, queries } = setUp([command(1)]);
  applier.advance(1);
  await microtasks();
  applier.distrust(new CopyDistrusted(standing, "it differs"));
  const client = waiter("query");
  queries.set(1, [client]);
  applier.serve();
  await microtasks();
  expect([client.answers.length, machine.queries]).toEqual([1, []]);
  expect(client.answers[0]).toMatch(/^[a-z]/);
});
