// What must hold of the configurations in a log, and of what a leader keeps about its members. Called by invariants.ts after
// every step of tests and of the simulator; what must hold of one configuration is configuration-invariants.ts.
import { isMember } from "./configuration.ts";
import { checkConfiguration, mayFollow } from "./configuration-invariants.ts";
import { latestConfiguration } from "./log-terms.ts";
import type { Leader } from "./roles.ts";
import { must } from "./must.ts";
import type { State } from "./state.ts";

export function checkMembership(state: State): void {
  const { configurations, last } = state.log;
  must((configurations.at(-1)?.position.index ?? 0) <= last.index, "a configuration goes with its entry (§4.1)");
  for (const { configuration } of configurations) checkConfiguration(configuration);
  for (const [at, { configuration }] of configurations.entries()) {
    if (at > 0)
      must(mayFollow(configurations[at - 1]!.configuration, configuration), "one configuration leads to the next");
  }
  if (state.removed !== null) {
    must(state.role.kind === "follower", "who has been removed does not stand for election");
    must(!isMember(state.removed.configuration, state.self), "who has been removed is no member");
    must(state.wasMember, "only a member can be removed");
  }
  if (state.role.kind === "leader") checkAdministration(state, state.role);
}

function checkAdministration(state: State, { administration, progress, termStartIndex }: Leader): void {
  const { queue, begun, rounds, farewells } = administration;
  const configuration = latestConfiguration(state.log)!;
  for (const key of progress.keys()) {
    must(
      isMember(configuration, key) || farewells.has(key),
      "progress is kept for members and for those that have left",
    );
  }
  for (const { key } of configuration.members) {
    must(key === state.self || progress.has(key), "progress is kept for every member");
  }
  for (const key of farewells.keys()) {
    must(!isMember(configuration, key) && progress.has(key), "only who has left is bidden farewell");
  }
  for (const key of rounds.keys()) {
    must(
      configuration.pending.some(({ promote }) => promote.includes(key)),
      "rounds are kept for who is to be promoted",
    );
  }
  must(isSet([...queue, ...begun].map(({ ref }) => ref)), "a change is queued or begun, once");
  const uncommitted = state.log.configurations.filter(
    ({ position }) => position.index > Math.max(state.commitIndex, termStartIndex),
  );
  const latestIndex = state.log.configurations.at(-1)!.position.index;
  must(
    latestIndex <= termStartIndex || state.commitIndex >= termStartIndex,
    "no configuration is added before the term's first entry is committed",
  );
  must(uncommitted.length <= 1, "a leader adds a configuration only when the one before is committed");
}

const isSet = (values: readonly (number | string)[]): boolean => new Set(values).size === values.length;
