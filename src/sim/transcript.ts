// How does the story of a simulation read? A sentence for each thing that happens: what the simulation does to a node, what a node logs, what
// clients ask and are told.
import type { LogLevel } from "../ports/logger.ts";

/** With the simulated time in front. */
export const stamped = (nowMs: number, sentence: string): string => `${nowMs.toFixed(3).padStart(11)} ms  ${sentence}`;

/** A line of a node's log. */
export function sentenceOfLog(
  id: string,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  const words = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shown(value)]));
  const known = sentences[message]?.(words);
  if (known !== undefined) return `${id} ${known}`;
  const more = Object.entries(words).map(([name, value]) => `${spoken(name)} ${value}`);
  const verb = level === "warn" ? " warns" : level === "error" ? " reports an error" : "";
  return `${id}${verb}: ${message}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}

/** What a node logs often. */
const sentences: Readonly<Record<string, (fields: Readonly<Record<string, string>>) => string>> = {
  "node started": ({ state = "" }) => `is up and ${stateSentence(state)}`,
  role: ({ state = "" }) => stateSentence(state),
  "peer connected": ({ peer }) => `is connected with ${peer}`,
  "peer disconnected": ({ peer, reason }) => `has lost its connection with ${peer}: ${reason}`,
  "peer has crashed": ({ peer }) => `notices that ${peer} has crashed`,
  "taking a snapshot": ({ through }) => `takes a snapshot through entry ${through}`,
  "snapshot taken": ({ through, bytes }) => `has taken a snapshot through entry ${through}, ${bytes} bytes`,
  "fetching a snapshot": ({ through, from }) => `fetches the snapshot through entry ${through} from ${from}`,
  "snapshot fetched": ({ through, from }) => `has fetched the snapshot through entry ${through} from ${from}`,
  "restoring the state machine": ({ through }) =>
    `restores its state machine from the snapshot through entry ${through}`,
  "state machine restored": ({ through }) => `has the state of the snapshot through entry ${through}`,
};

const roles: Readonly<Record<string, string>> = {
  founding: "waits for the other founders",
  joining: "waits to be added",
  follower: "is a follower",
  preCandidate: "asks whether it would be elected",
  candidate: "asks for votes",
  leader: "leads",
  removed: "is removed",
};

/** Of what the core says of its state: `n5 leader term 1, log 1.1 (durable 0), commit 0`. */
function stateSentence(state: string): string {
  const found = /^\S+ (\w+)(?: of (\S+))? term (\d+), log (\d+)\.(\d+)(?: \(durable (\d+)\))?, commit (\d+)(.*)$/.exec(
    state,
  );
  if (found === null) return state;
  const [, role = "", leader, term, last, lastTerm, durable, commit, more = ""] = found;
  const log = last === "0" ? "its log is empty" : `its log ends at entry ${last} of term ${lastTerm}`;
  const written = durable === undefined ? "" : `, durable through ${durable}`;
  const whom = leader === undefined ? "" : ` of ${leader}`;
  return `${roles[role] ?? role}${whom} in term ${term}; ${log}${written}, committed through ${commit}${more}`;
}

/** Directions of the network that hold what is sent. */
export function sentenceOfCut(directions: readonly (readonly [from: string, to: string])[]): string {
  const ways = Map.groupBy(directions, ([from]) => from);
  if (ways.size === 0) return "the network is cut between nobody";
  const parts = Array.from(ways, ([from, to]) => `${from} to ${to.map(([, each]) => each).join(", ")}`);
  return `the network holds what is sent from ${parts.join("; from ")}`;
}

const spoken = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
