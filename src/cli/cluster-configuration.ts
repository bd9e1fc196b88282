// `graft cluster configuration`: who belongs to the cluster, as its log has it.
import { isMember, viewMembers } from "../client/members.ts";
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { renderTable } from "./table.ts";

export const clusterConfiguration = command({
  summary: "Show the members according to the log",
  args: clusterFlags,
  examples: [["graft cluster configuration", "members, their addresses and whether they vote"]],
  run: (args, { output }) =>
    withClient(args, output, async ({ client, timeoutMs }) => {
      const found = await output.progress("asking", viewMembers(client, timeoutMs));
      const { index, removed, members, pending, node } = found;
      await output.answer({ index, removed, members, pending }, (paint) => {
        if (members.length === 0) return "not founded yet: the founders have not all met; see: graft cluster status";
        const rows = members.map((member) => [
          member.id,
          member.address,
          member.voter ? "yes" : "no",
          member.outgoing ? "yes" : "no",
          member.priority.toString(),
          member.incarnation.slice(0, 8),
        ]);
        const titles = ["node", "address", "voter", "outgoing", "priority", "incarnation"];
        const outsider = `the last one that ${node} knows (${removed ? "removed" : "no member"}), at index`;
        const head = isMember(found) ? "configuration at index" : outsider;
        const steps = pending.map(stepWords);
        return [
          `${head} ${index}`,
          "",
          renderTable(titles, rows, paint),
          ...(steps.length > 0 ? ["", ...steps] : []),
        ].join("\n");
      });
    }),
});

interface PendingStep {
  readonly promote: readonly string[];
  readonly demote: readonly string[];
  readonly remove: readonly string[];
}

function stepWords({ promote, demote, remove }: PendingStep): string {
  const then = [
    ...(demote.length > 0 ? [`${demote.join(", ")} stops voting`] : []),
    ...(remove.length > 0 ? [`${remove.join(", ")} leaves`] : []),
  ];
  return `as soon as ${promote.join(", ")} has caught up, it votes${then.length > 0 ? `, and ${then.join(", ")}` : ""}`;
}
