// What a client hears from a node that does not lead.
import { expect, test } from "bun:test";
import { notLeader } from "../../src/node/known-leader.ts";

test("a node that does not lead names the leader that it knows", () => {
  expect(notLeader({ id: "n2", address: "a:1" }).message).toContain("n2 does");
  expect(notLeader(null).message).toContain("knows no leader");
});
