// `graft cluster configuration`: who belongs to the cluster, as its log has it.
import { clusterFlags, withClient } from "./cluster-access.ts";
import { command } from "./command.ts";
import { renderTable } from "./table.ts";

export const clusterConfiguration = command({
  summary: "Show who belongs to the cluster, as the log has it",
  args: clusterFlags,
  examples: [["graft cluster configuration", "members, their addresses and whether they vote"]],
  run: (args, { output }) =>
    withClient(args, output, async ({ client, timeoutMs }) => {
      const { index, members } = await output.progress("asking", client.configuration({ timeoutMs }));
      await output.answer({ index, members }, (paint) => {
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
        return `configuration at index ${index}\n\n${renderTable(titles, rows, paint)}`;
      });
    }),
});
