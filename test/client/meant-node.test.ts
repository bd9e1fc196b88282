// An address may have gone to another node since it was written down: that one is not stopped, and no backup is taken from it.
import { expect, test } from "bun:test";
import { backUpNode, stopNode } from "../../src/client/meant-node.ts";
import type { BackupReadyReply, StatusReply } from "../../src/ports/requests.ts";

function clientOf(node: string) {
  const stopped: string[] = [];
  const backedUp: string[] = [];
  return {
    stopped,
    backedUp,
    backup: async (address: string) => {
      backedUp.push(address);
      return { kind: "backupReady", file: "a" } as BackupReadyReply;
    },
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

test("the backup is taken from the node that is meant", async () => {
  const client = clientOf("n2");
  expect(await backUpNode(client, { id: "n2", address: "a:1" }, () => 1_000)).toMatchObject({ file: "a" });
});

test("no backup is taken from another node at its address", async () => {
  const client = clientOf("n3");
  const taking = backUpNode(client, { id: "n2", address: "a:1" }, () => 1_000);
  await expect(taking).rejects.toMatchObject({
    code: "rejected",
    message: "n3 answers at a:1, and not n2",
    meaning: "No backup was made. The cluster's data was not changed.",
  });
  expect(client.backedUp).toEqual([]);
});
