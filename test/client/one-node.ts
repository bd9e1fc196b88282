// A client of a single node, behind the Dial seam. The test says what the node answers, and when.
import { GraftClient } from "../../src/client/client.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";

type Answer = (request: ClientRequest, onReply: (reply: ClientReply) => void) => void;

/** Without a session. `answer` must not call back before it returns. */
export const clientOfOneNode = (clock: Clock, answer: Answer): GraftClient =>
  new GraftClient({
    addresses: ["n1:1"],
    clock,
    session: "none",
    dial: async (_, { onReply }) => ({
      clusterUuid: "c1",
      close() {},
      send: (request) => answer(request, onReply),
    }),
  });
