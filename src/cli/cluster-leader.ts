// `graft cluster leader [ID]`: who leads, or hand leadership to somebody and see that it has arrived.
import type { GraftClient } from "../client/client.ts";
import { type ClusterView, viewCluster, waitForLeader } from "../client/cluster-view.ts";
import { GraftError } from "../errors.ts";
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { didYouMean } from "./did-you-mean.ts";
import { parseName } from "./typed-numbers.ts";

export const clusterLeader = command({
  summary: "Show the leader, or hand leadership over",
  details: [
    "A hand-over loses no command: commands wait, and the new leader executes them. Only clients listed in [access] admins may hand leadership over.",
  ],
  args: {
    id: {
      type: "positional",
      required: false,
      description: "the next leader; without it, show the leader",
    },
    ...clusterFlags,
  },
  examples: [
    ["graft cluster leader", "who leads"],
    ["graft cluster leader n2", "let n2 lead, for instance before n1's machine is serviced"],
  ],
  run: async (args, { output }) => {
    if (args.id !== undefined) parseName("ID", args.id);
    await withClient(args, output, async ({ client, timeoutMs }) => {
      const view =
        args.id === undefined
          ? await output.progress("asking who leads", viewCluster(client, timeoutMs))
          : await output.progress(`handing over to ${args.id}`, handOver(client, args.id, timeoutMs));
      const { leader, term } = view;
      if (leader === null) throw new GraftError("unavailable", nobodyLeads(view));
      await output.answer(
        { leader, term },
        (paint) => `${paint("bold", leader.id)} at ${leader.address} leads in term ${term}`,
      );
    });
  },
});

async function handOver(client: GraftClient, to: string, timeoutMs: number): Promise<ClusterView> {
  const before = await viewCluster(client, timeoutMs);
  const ids = before.nodes.map((node) => node.id);
  if (!ids.includes(to)) {
    throw new GraftError("usage", `there is no node ${to}${didYouMean(to, ids)}; there are: ${ids.join(", ")}`);
  }
  if (before.leader?.id === to) return before;
  await client.transferLeadership(to, { timeoutMs });
  return waitForLeader(client, timeoutMs, (view) => view.leader?.id === to).catch((cause: unknown) => {
    throw notSeen(to, cause);
  });
}

/** The old leader has seen it lead. */
function notSeen(to: string, cause: unknown): unknown {
  if (!(cause instanceof GraftError)) return cause;
  const message = `${to} took over, and was not seen to lead: ${cause.message}`;
  return new GraftError("result-lost", message, { cause, subject: "transfer" });
}

const nobodyLeads = ({ waitingFor }: ClusterView): string =>
  waitingFor.length === 0
    ? "nobody leads just now: an election is under way"
    : `nobody leads; the nodes wait for: ${waitingFor.join("; ")}`;
