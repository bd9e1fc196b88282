// An address may have gone to another node since it was written down: that one is asked for nothing but its name.
import { expect, test } from "bun:test";
import { askMeant } from "../../src/client/meant-node.ts";
import type { StatusReply } from "../../src/ports/requests.ts";

const meant = { id: "n2", address: "a:1" };
/** At the address of the node that is meant. Another node answers elsewhere. */
const clientAt = (node: string) => ({
  status: async (address: string | null = null) =>
    ({ kind: "status", node: address === meant.address ? node : "n9" }) as StatusReply,
});

const refusals = [
  ["stop", "The node was not stopped."],
  ["backup", "No backup was made. The cluster's data was not changed."],
] as const;

for (const [subject, meaning] of refusals) {
  const asking = { subject, leftMs: () => 1_000 };

  test(`${subject}: the node that is meant is asked`, async () => {
    const asked: number[] = [];
    const ask = async (timeoutMs: number): Promise<string> => {
      asked.push(timeoutMs);
      return "its answer";
    };
    expect(await askMeant(clientAt("n2"), meant, asking, ask)).toBe("its answer");
    expect(asked).toEqual([1_000]);
  });

  test.each(["n3", "n20", "N2", "n"])(`${subject}: another node at its address, %s, is not asked`, async (other) => {
    const ask = async (): Promise<never> => {
      throw new Error("the wrong node was asked");
    };
    await expect(askMeant(clientAt(other), meant, asking, ask)).rejects.toMatchObject({
      code: "rejected",
      message: `${other} answers at a:1, and not n2`,
      meaning,
    });
  });
}

test("each of the two questions has the time that is left when it is asked", async () => {
  const left = [1_000, 400];
  const asked: number[] = [];
  const client = {
    status: async (_: string | null | undefined, options: { readonly timeoutMs?: number } = {}) => {
      asked.push(options.timeoutMs ?? 0);
      return { kind: "status", node: "n2" } as StatusReply;
    },
  };
  await askMeant(client, meant, { subject: "stop", leftMs: () => left.shift()! }, async (timeoutMs) => {
    asked.push(timeoutMs);
  });
  expect(asked).toEqual([1_000, 400]);
});
