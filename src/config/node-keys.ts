// Which keys does a node's configuration file have? This table is the one place that says it: what is read, what is
// refused, the defaults, and what configs/node.toml must show are all taken from it or checked against it.
import { founders } from "./founders.ts";
import { optional, required } from "./read-keys.ts";
import { address, choice, command, contacts, integer, name, names, path, paths } from "./value-kinds.ts";

export const nodeKeys = {
  "node.id": required(name, "the name of this node, unique in its cluster"),
  "node.data_dir": required(
    path,
    "the folder of the node's log and state; made at the first start, used by one node only",
  ),
  "node.listen": required(address, "where the node accepts peers and clients"),
  "node.advertise": optional(address, null, "where peers and clients reach the node; without it, listen"),

  "cluster.id": required(name, "the name of the cluster, the same on every node and in every certificate"),
  "cluster.bootstrap": optional(
    founders,
    null,
    "the nodes that found the cluster, the same on each; used at the very first start only",
  ),
  "cluster.join": optional(
    contacts,
    null,
    "instead of bootstrap: members of a cluster that this node waits to be added to, any that live",
  ),

  "tls.ca": required(path, "the certificate of the cluster's authority"),
  "tls.cert": required(path, "the certificate of this node"),
  "tls.key": required(path, "the private key of this node"),

  "state_machine.plugin": optional(
    paths,
    null,
    "the state machine: the name of one that ships with Graft, or a path; several for its versions, the newest last",
  ),
  "state_machine.command": optional(
    command,
    null,
    "instead of plugin: a program that is the state machine, in any language; it runs in the folder of this file (docs/process.md)",
  ),
  "state_machine.host": optional(
    choice("worker", "inline"),
    "worker",
    "where it runs: in a thread of its own, or on the consensus thread, quicker for small state and light commands",
  ),

  "access.admins": optional(
    names,
    ["admin"],
    "the clients that may stop nodes, change members and transfer leadership",
  ),

  "raft.election_timeout_ms": optional(
    integer(50, 600_000),
    500,
    "how long a follower hears nothing of a leader before it stands for election; each wait is drawn from [T, 2T)",
  ),
  "raft.heartbeat_interval_ms": optional(
    integer(5, 60_000),
    50,
    "how often a leader says that it is there; below half of election_timeout_ms",
  ),

  "raft.snapshot_every_entries": optional(
    integer(100, 1_000_000_000),
    100_000,
    "after how many entries a snapshot is taken and the log is cut; the same on every node, so that contents are compared",
  ),
  "raft.snapshot_every_bytes": optional(
    integer(65_536, 1_099_511_627_776),
    268_435_456,
    "after how many bytes of entries, whichever comes first",
  ),
  "raft.compare_every_entries": optional(
    integer(16, 1_000_000),
    1024,
    "the nodes compare the outcomes of their commands after so many entries; the same on every node, or they are hardly compared",
  ),

  "storage.min_free_bytes": optional(
    integer(33_554_432, 1_099_511_627_776),
    268_435_456,
    "how much of the disk must be free for the node to take commands as a leader",
  ),
  "storage.min_free_percent": optional(
    integer(0, 50),
    5,
    "the same as a part of the whole disk; the larger of the two counts",
  ),
  "storage.scrub_interval_ms": optional(
    integer(0, 2_147_483_647),
    86_400_000,
    "how often the whole log and the snapshot are read and verified, in the background; 0: never",
  ),

  "log.level": optional(
    choice("trace", "debug", "info", "warn", "error"),
    "info",
    "the least serious level that is logged",
  ),
  "log.format": optional(
    choice("pretty", "json"),
    "pretty",
    "lines for people, or one JSON object a line for programs",
  ),
} as const;
