// `graft certs issue`: more certificates from an authority that exists.
import { certificates } from "../compose.ts";
import { GraftError } from "../errors.ts";
import { answerFlags } from "./answer-flags.ts";
import { daysOf, issueFlags, nodesOf, writtenWords } from "./certs-flags.ts";
import { command } from "./command.ts";

export const certsIssue = command({
  summary: "Issue or renew certificates of nodes and clients",
  args: { ...issueFlags, ...answerFlags },
  repeatable: ["node", "client"],
  examples: [
    ["graft certs issue --node n4=10.0.0.4:7401", "for one more node"],
    ["graft certs issue --client backup", "for one more client; [access] admins names the administrators"],
    ["graft certs issue --node n1=10.0.0.1:7401 --force", "renew a certificate"],
  ],
  async run(args, { output, values }) {
    const nodes = nodesOf(values("node"));
    const clients = values("client");
    if (nodes.length + clients.length === 0)
      throw new GraftError("usage", "name at least one: --node ID=HOST or --client NAME");
    const written = await certificates.issue(args.dir ?? "certs", {
      nodes: nodes.map(({ id, hosts }) => ({ id, hosts })),
      clients,
      force: args.force === true,
      days: daysOf("--days", args.days),
    });
    await output.answer({ written }, (paint) =>
      [
        ...writtenWords(written, paint),
        "",
        paint("bold", "Next:"),
        "  copy each .crt and .key, and ca.crt, to where they are used; a node that runs takes them at its next start.",
      ].join("\n"),
    );
  },
});
