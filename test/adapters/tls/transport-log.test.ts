// What an operator reads of connections that came to nothing: what is in order is found only by who looks for it.
import { describe, expect, test } from "bun:test";
import type { GreetingFailure } from "../../../src/adapters/tls/greeting.ts";
import type { Link } from "../../../src/adapters/tls/link.ts";
import { brokenHandshake, explainClose, noDescriptors } from "../../../src/adapters/tls/tls-words.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { LogFields } from "../../../src/ports/logger.ts";
import { TransportLog } from "../../../src/adapters/tls/transport-log.ts";

const link = { remoteAddress: "10.0.0.9", queuedBytes: 77 } as Link;
const node = { role: "node", cluster: "c", id: "n2" } as const;
const client = { role: "client", cluster: "c", name: "alice" } as const;

function setUp(limit: number | null = 64) {
  const lines: (readonly [string, string, unknown, string | undefined])[] = [];
  const log = new TransportLog(
    {
      enabled: () => true,
      log: (level, message, fields, cause) => void lines.push([level, message, fields?.["reason"] ?? fields, cause]),
    },
    limit,
  );
  return { lines, log };
}

describe("a connection that this node accepted and that came to nothing", () => {
  const failure = (more: Partial<GreetingFailure>): GreetingFailure => ({
    kind: "closed",
    reason: "words",
    code: null,
    isOurRefusal: false,
    isSilent: false,
    identity: node,
    ...more,
  });

  test.each<[string, Partial<GreetingFailure>, string, string, string]>([
    ["spare", { code: "busy", isOurRefusal: true }, "debug", "words", "spare node n2"],
    ["busy there", { code: "busy" }, "warn", "the other side said: words", "refused node n2 busy"],
    [
      "a client beyond the bound",
      { code: "busy", isOurRefusal: true, identity: client },
      "warn",
      "words",
      "refused client alice busy",
    ],
    ["refused here", { code: "wrong-node", isOurRefusal: true }, "warn", "words", "refused node n2 wrong-node"],
    ["silent", { isSilent: true }, "debug", "words", "bare"],
    ["broken", { ...brokenHandshake, identity: null }, "debug", brokenHandshake.reason, "bare"],
    ["not trusted", { kind: "untrusted", identity: null }, "warn", "words", "refused null words"],
  ])("%s", (_, more, level, reason, cause) => {
    const { lines, log } = setUp();
    log.greetingFailed(link, failure(more));
    expect(lines.map(([at, __, why, of]) => [at, why, of])).toEqual([[level, reason, cause]]);
  });
});

test("a client that hung up with answers unsent is in order, and one that was dropped is not", () => {
  const { lines, log } = setUp();
  log.clientLost(link, "alice", explainClose(undefined));
  log.clientLost(link, "alice", explainClose(new Error("reset")));
  log.clientLost(link, "alice", "it takes its answers too slowly");
  expect(lines.map(([level]) => level)).toEqual(["debug", "debug", "warn"]);
});

test("that this node could not try is worth a line of its own only when it has no descriptors left", () => {
  const { lines, log } = setUp();
  log.unable("no route to the host");
  expect(lines).toEqual([]);
  log.unable(noDescriptors);
  expect(lines).toMatchObject([
    ["error", `${noDescriptors}: it opens and accepts no connections`, { limit: 64 }, "no descriptors"],
  ]);
});

describe("each line says who, from where and why, and its cause is nothing that a stranger chooses", () => {
  const refusal = { kind: "refused", code: "bad-frame", message: "words" } as const;
  const failure: GreetingFailure = {
    kind: "closed",
    reason: "words",
    code: "wrong-cluster",
    isOurRefusal: true,
    isSilent: false,
    identity: client,
  };
  const from = "10.0.0.9";
  const identity = "client alice";
  const reason = "words";

  test.each<[string, (log: TransportLog) => void, readonly [string, string, LogFields, string | undefined]]>([
    [
      "a connection that was refused",
      (log) => log.greetingFailed(link, failure),
      [
        "warn",
        "connection refused",
        { from, identity, code: "wrong-cluster", reason },
        `refused ${identity} wrong-cluster`,
      ],
    ],
    [
      "a spare one",
      (log) => log.greetingFailed(link, { ...failure, code: "busy", identity: node }),
      ["debug", "spare connection refused", { from, identity: "node n2", code: "busy", reason }, "spare node n2"],
    ],
    [
      "a bare one",
      (log) => log.greetingFailed(link, { ...failure, code: null, isOurRefusal: false, isSilent: true }),
      ["debug", "a connection ended before it had said anything", { from, identity, code: null, reason }, "bare"],
    ],
    [
      "a peer that lied",
      (log) => log.peerLied(toMemberKey("n2", "disk"), "words"),
      [
        "warn",
        "a peer has sent what no honest node sends; its connection is closed",
        { peer: "n2@disk", reason },
        "lied n2",
      ],
    ],
    [
      "a client that broke the protocol",
      (log) => log.clientRefused(link, "alice", refusal),
      ["warn", "connection refused", { from, identity, code: "bad-frame", reason }, `refused ${identity} bad-frame`],
    ],
    [
      "a client that was dropped",
      (log) => log.clientLost(link, "alice", "words"),
      ["warn", "client left with answers unsent", { from, identity, bytes: 77, reason }, `lost ${identity}`],
    ],
    [
      "two processes",
      (log) => log.twoProcesses(node, refusal),
      ["error", "two processes run as one node", { peer: "n2", reason }, "two n2"],
    ],
    [
      "a peer that was reached",
      (log) => log.reached("n2", "h:1"),
      ["debug", "peer reached", { peer: "n2", address: "h:1" }, undefined],
    ],
    [
      "a peer that cannot be reached",
      (log) => log.unreachable("n2", "h:1", { reason, cause: "busy" }),
      ["warn", "peer cannot be reached", { peer: "n2", address: "h:1", reason }, "unreachable n2 busy"],
    ],
    [
      "no descriptors",
      (log) => log.unable(noDescriptors),
      [
        "error",
        `${noDescriptors}: it opens and accepts no connections`,
        { limit: 64, next: "raise the limit of open files (LimitNOFILE=, ulimit -n) and start the node again" },
        "no descriptors",
      ],
    ],
  ])("%s", (_, write, line) => {
    const lines: unknown[] = [];
    write(
      new TransportLog(
        { enabled: () => true, log: (...words) => void lines.push([...words, undefined].slice(0, 4)) },
        64,
      ),
    );
    expect(lines).toEqual([[...line]]);
  });
});
