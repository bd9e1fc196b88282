// The counter, in both hosts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { hosts, type Session, told } from "./hosts.ts";

describe.each(hosts)("counter (%s)", (_, open) => {
  let counter: Session;
  beforeEach(async () => {
    counter = await open("counter");
  });
  afterEach(() => counter.close());

  const say = async (text: string): Promise<string> => {
    const outcome = await counter.commandBytes(Buffer.from(text));
    return outcome.kind === "ok" ? Buffer.from(outcome.payload).toString() : told(outcome);
  };
  const value = async (): Promise<string> => {
    const outcome = await counter.queryBytes(new Uint8Array());
    return outcome.kind === "ok" ? Buffer.from(outcome.payload).toString() : told(outcome);
  };

  test("starts at nothing, adds, and answers with the value", async () => {
    expect(await value()).toBe("0");
    expect(await say("add 5")).toBe("5");
    expect(await say("add -7")).toBe("-2");
    expect(await value()).toBe("-2");
  });

  test("counts exactly, beyond what a number holds", async () => {
    await say("add 999999999999999999");
    expect(await say("add 1")).toBe("1000000000000000000");
  });

  test.each(["", "add", "add x", "add 1.5", "subtract 1", "add 1\n", "add 1000000000000000000"])(
    "refuses %p and stays as it is",
    async (text) => {
      await say("add 3");
      expect(await say(text)).toBe('rejected: a counter understands "add 5" and "add -5"');
      expect(await value()).toBe("3");
    },
  );
});
