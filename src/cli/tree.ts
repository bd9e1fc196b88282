// What can Graft do from the command line? Every command by the words that call it.
import { backup } from "./backup.ts";
import { benchElection } from "./bench-election.ts";
import { benchReads } from "./bench-reads.ts";
import { benchReplication } from "./bench-replication.ts";
import { certsInit } from "./certs-init.ts";
import { certsIssue } from "./certs-issue.ts";
import { clusterAdd } from "./cluster-add.ts";
import { clusterConfiguration } from "./cluster-configuration.ts";
import { clusterLeader } from "./cluster-leader.ts";
import { clusterDemote, clusterPriority, clusterPromote } from "./cluster-roles.ts";
import { clusterRemove } from "./cluster-remove.ts";
import { clusterStatus } from "./cluster-status.ts";
import type { Group } from "./command.ts";
import { complete } from "./complete.ts";
import { dev } from "./dev.ts";
import { executeCommand } from "./execute-command.ts";
import { executeQuery } from "./execute-query.ts";
import { logFinding } from "./log-finding.ts";
import { logInspect } from "./log-inspect.ts";
import { recover } from "./recover.ts";
import { restore } from "./restore.ts";
import { sim } from "./sim.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";

const cluster: Group = {
  kind: "group",
  summary: "See who is there and who leads, and change both",
  examples: [
    ["graft cluster status", "who is there, who leads, how far each node has got"],
    ["graft cluster add n4 10.0.0.4:7401", "one node more; it runs already, with [cluster] join in its file"],
    ["graft cluster remove n1 --dry-run", "what it would mean to have one less"],
  ],
  commands: {
    status: clusterStatus,
    configuration: clusterConfiguration,
    leader: clusterLeader,
    add: clusterAdd,
    remove: clusterRemove,
    promote: clusterPromote,
    demote: clusterDemote,
    priority: clusterPriority,
  },
};

const execute: Group = {
  kind: "group",
  summary: "Have the state machine do something, or ask it something",
  examples: [
    [`graft execute command put '{"key":"a","value":"1"}'`, "change the state"],
    [`graft execute query get '{"key":"a"}'`, "read it; the answer is never out of date"],
  ],
  commands: { command: executeCommand, query: executeQuery },
};

const certs: Group = {
  kind: "group",
  summary: "Make the certificates by which nodes and clients know each other",
  examples: [
    ["graft certs init demo --node n1=10.0.0.1:7401 --node n2=10.0.0.2:7401", "a new authority, two nodes, one client"],
    ["graft certs issue --client backup", "one more client"],
  ],
  commands: { init: certsInit, issue: certsIssue },
};

const bench: Group = {
  kind: "group",
  summary: "Measure a cluster, or one that is made for it and removed afterwards",
  examples: [["graft bench replication --clients 64", "puts per second, and how long each takes"]],
  commands: { replication: benchReplication, reads: benchReads, election: benchElection },
};

const log: Group = {
  kind: "group",
  summary: "Look at what a stopped node has on its disk",
  examples: [["graft log inspect --data-dir data/n1 --verify", "where its log ends, and whether it is sound"]],
  commands: { inspect: logInspect, finding: logFinding },
};

export const commands: Group = {
  kind: "group",
  summary:
    "Graft makes any state machine resilient through Raft: a group of nodes that agree, and go on when some fail.",
  details: [
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 unavailable, 4 outcome unknown, 70 a mistake in Graft. graft sim ends with 130 after Ctrl-C.",
    "Commands that talk to a cluster find it by --cluster and --ca, --cert, --key, else by GRAFT_CLUSTER, GRAFT_CA, GRAFT_CERT, GRAFT_KEY, else by the nearest graft.toml, in this folder or one above.",
  ],
  examples: [
    ["graft dev", "a cluster of three nodes on this machine, to try things out"],
    ["graft start --config node.toml", "one node of a real one"],
    [`graft execute command put '{"key":"a","value":"1"}'`, "have the state machine do something"],
  ],
  commands: { start, stop, cluster, execute, certs, backup, restore, recover, log, dev, sim, bench, complete },
};
