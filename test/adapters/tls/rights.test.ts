// Who may ask what: what changes the cluster, or takes all of its data away, is for administrators, everything else for every client.
import { expect, test } from "bun:test";
import { mayAsk } from "../../../src/adapters/tls/rights.ts";
import type { ClientRequest } from "../../../src/ports/requests.ts";

/** Each kind that there is: a new one does not compile without its line here. */
const isForAll: Readonly<Record<ClientRequest["kind"], boolean>> = {
  command: true,
  query: true,
  openSession: true,
  closeSession: true,
  status: true,
  configuration: true,
  describe: true,
  changeMembership: false,
  rollOut: false,
  skip: false,
  transferLeadership: false,
  stop: false,
  backup: false,
  readBackup: false,
};

test.each(Object.entries(isForAll) as [ClientRequest["kind"], boolean][])(
  "an administrator may ask for %s; every other client may: %p",
  (kind, everyone) => {
    expect([mayAsk(kind, true), mayAsk(kind, false)]).toEqual([true, everyone]);
  },
);
