// An address may have gone to another node since it was written down: the node that was not meant is not stopped.
import { expect, test } from "bun:test";
import { stopNode } from "../../src/client/stop-node.ts";
import type { StatusReply } from "../../src/ports/requests.ts";

function clientOf(node: string) {
  const stopped: string[] = [];
  return {
    stopped,
    status: async () => ({ kind: "status", node }) as StatusReply,
    stopNode: async (address: string) => {
      stopped.push(address);
      return { kind: "done", id: 1, leader: null } as const;
    },
  };
}

test("the node that is meant is stopped", async () => {
  const client = clientOf("n2");
  await stopNode(client, { id: "n2", address: "a:1" }, () => 1_000);
  expect(client.stopped).toEqual(["a:1"]);
});

test("another node at its address is not stopped, and is named", async () => {
  const client = clientOf("n3");
  const stopping = stopNode(client, { id: "n2", address: "a:1" }, () => 1_000);
  await expect(stopping).rejects.toMatchObject({
    code: "rejected",
    message: "n3 answers at a:1, and not n2",
    meaning: "The node was not stopped.",
  });
  expect(client.stopped).toEqual([]);
});
