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
import { clusterSkip } from "./cluster-skip.ts";
import { clusterStatus } from "./cluster-status.ts";
import type { Group } from "./command.ts";
import { complete } from "./complete.ts";
import { dev } from "./dev.ts";
import { executeCommand } from "./execute-command.ts";
import { executeQuery } from "./execute-query.ts";
import { logFinding } from "./log-finding.ts";
import { logInspect } from "./log-inspect.ts";
import { pluginCheck } from "./plugin-check.ts";
import { pluginNew } from "./plugin-new.ts";
import { pluginRollOut } from "./plugin-roll-out.ts";
import { recover } from "./recover.ts";
import { restore } from "./restore.ts";
import { sim } from "./sim.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";

const cluster: Group = {
  kind: "group",
  summary: "Show and change the members and the leader",
  examples: [
    ["graft cluster status", "show the nodes, the leader and the progress"],
    ["graft cluster add n4 10.0.0.4:7401", "add the node n4, which runs with [cluster] join in its file"],
    ["graft cluster remove n1 --dry-run", "what the cluster would be like without n1"],
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
    skip: clusterSkip,
  },
};

const execute: Group = {
  kind: "group",
  summary: "Send the state machine commands or queries",
  examples: [
    [`graft execute command put '{"key":"a","value":"1"}'`, "change the state"],
    [`graft execute query get '{"key":"a"}'`, "read the state; the answer is up to date"],
  ],
  commands: { command: executeCommand, query: executeQuery },
};

const certs: Group = {
  kind: "group",
  summary: "Issue certificates for nodes and clients",
  examples: [
    ["graft certs init demo --node n1=10.0.0.1:7401 --node n2=10.0.0.2:7401", "a new authority, two nodes, one client"],
    ["graft certs issue --client backup", "one more client"],
  ],
  commands: { init: certsInit, issue: certsIssue },
};

const bench: Group = {
  kind: "group",
  summary: "Measure a cluster, or a temporary local one",
  examples: [["graft bench replication --clients 64", "puts per second, and the latency of each"]],
  commands: { replication: benchReplication, reads: benchReads, election: benchElection },
};

const log: Group = {
  kind: "group",
  summary: "Read the data of a stopped node",
  examples: [["graft log inspect --data-dir data/n1 --verify", "show where its log ends, and check all data"]],
  commands: { inspect: logInspect, finding: logFinding },
};

const plugin: Group = {
  kind: "group",
  summary: "Write, check and roll out a state machine",
  examples: [
    ["graft plugin new stock", "write a small plugin with a test"],
    ["graft plugin check ./stock.ts", "run it on generated commands, in several ways"],
    ["graft plugin roll-out", "make its newest version active on all nodes"],
  ],
  commands: { new: pluginNew, check: pluginCheck, "roll-out": pluginRollOut },
};

export const commands: Group = {
  kind: "group",
  summary: "Replicate any state machine with Raft",
  details: [
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 unavailable, 4 outcome unknown, 70 a bug in Graft. graft sim ends with 130 after Ctrl-C.",
    "Commands that talk to a cluster need an address and a certificate. The flags --cluster, --ca, --cert and --key come first, then the environment variables GRAFT_CLUSTER, GRAFT_CA, GRAFT_CERT and GRAFT_KEY, then the nearest graft.toml in this folder or a folder above.",
  ],
  examples: [
    ["graft dev", "a cluster of three nodes on this machine, to try things out"],
    ["graft start --config node.toml", "one node of a real cluster"],
    [`graft execute command put '{"key":"a","value":"1"}'`, "send the state machine a command"],
  ],
  commands: { start, stop, cluster, execute, certs, backup, restore, recover, log, dev, plugin, sim, bench, complete },
};
