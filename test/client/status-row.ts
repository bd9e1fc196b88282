// What a node says of one member of its cluster: an unreachable voter of which nothing else is known, unless a test says more.
import type { NodeStatus } from "../../src/ports/requests.ts";

export const statusRow = (id: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
  id,
  address: `${id}:1`,
  role: null,
  voter: true,
  outgoing: false,
  pending: null,
  priority: 0,
  reachable: false,
  matchIndex: null,
  appliedIndex: null,
  lagEntries: null,
  plugins: null,
  version: null,
  snapshot: null,
  problem: null,
  ...more,
});
