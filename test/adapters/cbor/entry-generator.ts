// Draws valid entries of every kind, and what stands in them, from a seed.
import type { Activation, PluginVersion } from "../../../src/core/activation.ts";
import { type Configuration, type Member, toMemberKey } from "../../../src/core/configuration.ts";
import type { CommandStamp, Entry } from "../../../src/core/entry.ts";
import type { LogPosition } from "../../../src/core/log-position.ts";
import { sessionTimeoutMsMax, stampMsMax } from "../../../src/adapters/cbor/limits.ts";
import { type Draw, index } from "./draw.ts";

export function members(draw: Draw): Member[] {
  return draw
    .list(5, (each) => each)
    .concat(9)
    .map((each) => ({
      key: toMemberKey(`n${each}`, draw.name()),
      address: draw.address(),
      priority: draw.pick([0, 1, -1, 24, -25, 2 ** 31 - 1, -(2 ** 31)]),
    }));
}

export function configuration(draw: Draw): Configuration {
  const all = members(draw);
  const keys = all.map((member) => member.key);
  const some = (): Configuration["voters"] => keys.filter(() => draw.bool());
  const voters = some();
  return {
    members: all,
    voters: voters.length > 0 ? voters : keys,
    outgoing: some(),
    leaving: some(),
    pending: draw.list(3, () => ({ promote: voters.length > 0 ? voters : keys, demote: some(), remove: some() })),
  };
}

export function stamp(draw: Draw): CommandStamp {
  const sequence = Math.max(1, index(draw));
  return { id: Math.max(1, index(draw)), sequence, answeredBelow: 1 + draw.uint(sequence - 1) };
}

export function entries(draw: Draw, prev: LogPosition, leaderTerm: number): Entry[] {
  let current = Math.max(1, prev.term);
  let stampMs = draw.uint(stampMsMax - 2 ** 20);
  return draw.list(6, (offset) => {
    current = Math.min(leaderTerm, current + draw.below(3));
    stampMs += draw.below(1000);
    const placed = { index: prev.index + 1 + offset, term: current, stampMs };
    const kind = draw.pick<Entry["kind"]>([
      "command",
      "command",
      "openSession",
      "closeSession",
      "noop",
      "configuration",
      "activate",
    ]);
    if (kind === "activate") return { kind, ...placed, ...activation(draw, placed.index) };
    if (kind === "command")
      return {
        kind,
        ...placed,
        payload: draw.bytes(),
        session: draw.orNull(() => ({ ...stamp(draw), client: draw.name() })),
      };
    if (kind === "openSession") {
      const timeoutMs = 1 + draw.uint(sessionTimeoutMsMax - 1);
      return { kind, ...placed, client: draw.name(), isAdmin: draw.bool(), timeoutMs };
    }
    if (kind === "closeSession") return { kind, ...placed, client: draw.name(), session: Math.max(1, index(draw)) };
    if (kind === "noop") return { kind, ...placed };
    return { kind, ...placed, configuration: configuration(draw) };
  });
}

/** What an activation at this index says; one at the first index has no earlier entry to skip. */
export function activation(draw: Draw, at: number): Activation {
  const active = { plugin: pluginVersion(draw), replaces: draw.bool() };
  return at < 2 || draw.bool() ? active : { ...active, skips: 1 + draw.below(at - 1) };
}

export const pluginVersion = (draw: Draw): PluginVersion => ({
  name: draw.name(),
  version: draw.name(),
  hash: Array.from({ length: 64 }, () => draw.below(16).toString(16)).join(""),
});
