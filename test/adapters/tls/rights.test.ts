// Who may ask what: what changes the cluster is for administrators, everything else for every client.
import { expect, test } from "bun:test";
import { mayAsk } from "../../../src/adapters/tls/rights.ts";

test("members, leaders and the life of a node are changed by administrators alone", () => {
  for (const kind of ["changeMembership", "transferLeadership", "stop"] as const) {
    expect([mayAsk(kind, true), mayAsk(kind, false)]).toEqual([true, false]);
  }
});

test("everyone that has a certificate may command, query and look", () => {
  for (const kind of [
    "command",
    "query",
    "openSession",
    "closeSession",
    "status",
    "configuration",
    "describe",
  ] as const) {
    expect([mayAsk(kind, true), mayAsk(kind, false)]).toEqual([true, true]);
  }
});
