// How must the values of a node's configuration fit together? Each rule speaks only when the values it looks at are
// sound by themselves, so that one mistake is told once.
import type { nodeKeys } from "./node-keys.ts";
import { type Problem, quote } from "./problems.ts";
import { keyName, type ValuesOf } from "./read-keys.ts";
import type { KeyPath, TomlDocument } from "./toml-document.ts";

type Values = Partial<ValuesOf<typeof nodeKeys>>;
/** Where, what, and what to do. */
type Finding = readonly [place: KeyPath, what: string, remedy: string];

export function ruleProblems(values: Values, document: TomlDocument): readonly Problem[] {
  const findings = [
    ...beginningRule(values),
    ...stateMachineRule(values),
    ...ownPlaceRule(values),
    ...reachableRule(values),
    ...heartbeatRule(values),
  ];
  return findings.map(([place, what, remedy]) => ({ line: document.lineOf(place), key: keyName(place), what, remedy }));
}

/** A node founds a cluster or joins one; what is in the file but unsound has been told already. */
function beginningRule({ "cluster.bootstrap": bootstrap, "cluster.join": join }: Values): readonly Finding[] {
  if (bootstrap === undefined || join === undefined) return [];
  if (bootstrap === null && join === null) {
    const remedy = "say who founds the cluster (bootstrap), or where one is that this node waits to be added to (join)";
    return [[["cluster", "bootstrap"], "this key is missing, and so is join", remedy]];
  }
  if (bootstrap === null || join === null) return [];
  const remedy = "keep bootstrap on the nodes that found the cluster, and join on those that come later";
  return [[["cluster", "join"], "there is a bootstrap too", remedy]];
}

/** A plugin or a program. */
function stateMachineRule(values: Values): readonly Finding[] {
  const { "state_machine.plugin": plugin, "state_machine.command": command } = values;
  if (plugin === undefined || command === undefined) return [];
  if (plugin === null && command === null) {
    const remedy = 'add it, like plugin = "kv", or name a program in command instead';
    return [[["state_machine", "plugin"], "this key is missing, and so is command", remedy]];
  }
  if (plugin === null || command === null) return [];
  const remedy = "keep plugin for a module, or command for a program of your own";
  return [[["state_machine", "command"], "there is a plugin too", remedy]];
}

/** A founder that is not in its own list would wait for ever; one with two addresses would be dialled at the wrong one. */
function ownPlaceRule(values: Values): readonly Finding[] {
  const { "node.id": id, "cluster.bootstrap": bootstrap, "node.listen": listen } = values;
  if (id === undefined || bootstrap === undefined || bootstrap === null) return [];
  const index = bootstrap.findIndex((member) => member.id === id);
  const own = bootstrap[index];
  if (own === undefined) {
    const ids = bootstrap.map((member) => member.id).join(", ");
    return [[["node", "id"], `${quote(id)} is not in cluster.bootstrap (${ids})`, "add it there, or correct the id"]];
  }
  const advertise = values["node.advertise"] ?? listen;
  if (advertise === undefined || advertise === own.address || isWildcard(advertise)) return [];
  const what = `${quote(own.address)} is not where this node is reached (${quote(advertise)})`;
  return [
    [
      ["cluster", "bootstrap", index, "address"],
      what,
      "make it the same as node.advertise, or node.listen without one",
    ],
  ];
}

/** 0.0.0.0 is good to listen on and no place to dial. */
function reachableRule(values: Values): readonly Finding[] {
  const { "node.listen": listen, "node.advertise": advertise } = values;
  if (typeof advertise === "string" && isWildcard(advertise)) {
    return [
      [["node", "advertise"], `${quote(advertise)} cannot be dialled`, "name the address where others reach this node"],
    ];
  }
  if (advertise === null && listen !== undefined && isWildcard(listen)) {
    const what = `${quote(listen)} cannot be dialled`;
    return [[["node", "listen"], what, "add node.advertise, the address where others reach this node"]];
  }
  return [];
}

/** A follower must hear of its leader more than once in each of its waits, or it stands for election needlessly. */
function heartbeatRule(values: Values): readonly Finding[] {
  const { "raft.election_timeout_ms": election, "raft.heartbeat_interval_ms": heartbeat } = values;
  if (election === undefined || heartbeat === undefined || heartbeat * 2 < election) return [];
  const what = `${heartbeat} is not below half of election_timeout_ms (${election})`;
  return [
    [
      ["raft", "heartbeat_interval_ms"],
      what,
      `use ${Math.floor(election / 10)}, a tenth of it, or raise election_timeout_ms`,
    ],
  ];
}

function isWildcard(address: string): boolean {
  return /^(0\.0\.0\.0|\[[0:]+\]):/.test(address);
}
