// What a node grants its clients, without any network: places, room for requests and answers, and an answer to whatever they ask.
import { beforeEach, describe, expect, test } from "bun:test";
import { decodeFrame, encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { frameBytesMax, payloadBytesMax } from "../../../src/adapters/cbor/limits.ts";
import { ClientDesk } from "../../../src/adapters/tls/client-desk.ts";
import { defaultLimits, type TransportLimits } from "../../../src/adapters/tls/limits.ts";
import type { ClientReply, ClientRequest } from "../../../src/ports/requests.ts";
import type { ClientConnection, TransportHandler } from "../../../src/ports/transport.ts";
import { type OpenLink, openLink } from "./open-link.ts";

let told: string[];
let asked: { readonly request: ClientRequest; readonly client: ClientConnection }[];
let soon: (() => void)[];
beforeEach(() => {
  [told, asked, soon] = [[], [], []];
});

const ask: TransportHandler["onRequest"] = (request, client) => void asked.push({ request, client });

function deskWith(limits: Partial<TransportLimits> = {}, onRequest = ask): ClientDesk {
  return new ClientDesk({
    admins: new Set(["admin"]),
    limits: { ...defaultLimits, ...limits },
    handler: { onRequest } as TransportHandler,
    clock: { nowMs: () => 0, soon: (callback) => void soon.push(callback) },
    onRefused: (_, name, { code }) => void told.push(`refused ${name} ${code}`),
    onLost: (link, name, reason) => void told.push(`lost ${name} ${link.queuedBytes} ${reason}`),
  });
}

function attached(desk: ClientDesk, name: string): OpenLink {
  const opened = openLink();
  desk.attach(opened.link, name);
  return opened;
}
const leave = ({ link }: OpenLink): void => link.socketClosed(undefined);
const receive = ({ link }: OpenLink, request: ClientRequest): void =>
  link.socketReceived(Buffer.from(encodeFrame(request)));
const replies = ({ turn, written }: OpenLink): readonly unknown[] => {
  turn();
  return written.map((bytes) => decodeFrame(Buffer.from(bytes.subarray(4)), "reply"));
};

describe("places", () => {
  test("a client may have as many as it leaves for others, and an administrator those kept for it as well", () => {
    const desk = deskWith({ clientsMax: 4, adminsReserve: 2 });
    const links: OpenLink[] = [];
    /** Whether the next connections of these names would be served. */
    const served = (...names: string[]): readonly boolean[] => names.map((name) => desk.objection(name) === null);
    const come = (name: string): void => void links.push(attached(desk, name));
    come("a");
    expect(served("a", "b", "admin")).toEqual([true, true, true]);
    come("a");
    expect(served("a", "b", "admin")).toEqual([false, true, true]);
    come("b");
    expect(served("a", "b", "c", "admin")).toEqual([false, false, true, true]);
    come("c");
    expect(served("d", "admin")).toEqual([false, true]);
    come("admin");
    expect(served("d", "admin")).toEqual([false, false]);
    const message = 'this node serves 5 connections, 1 of them for "admin", and has none left for this name';
    expect(desk.objection("admin")).toEqual({ kind: "refused", code: "busy", message });
    leave(links[0]!);
    expect(served("d", "admin")).toEqual([false, true]);
    leave(links[1]!);
    expect(served("d", "admin")).toEqual([true, true]);
  });
});

test("a place counts for its own name, and not for one that resembles it", () => {
  const desk = deskWith({ clientsMax: 6, adminsReserve: 0 });
  for (const name of ["ab", "A", "ba"]) attached(desk, name);
  expect(["a", "b", ""].map((name) => desk.objection(name))).toEqual([null, null, null]);
  for (const name of ["a", "a"]) attached(desk, name);
  expect(desk.objection("a")?.message).toContain('5 connections, 2 of them for "a"');
});

describe("requests", () => {
  test("are taken up to the longest that there may be, and no byte more", () => {
    const desk = deskWith();
    const [long, tooLong] = [attached(desk, "a"), attached(desk, "b")];
    long.announce(frameBytesMax("request"));
    tooLong.announce(frameBytesMax("request") + 1);
    expect([long.link.isOpen, tooLong.link.isOpen]).toEqual([true, false]);
    expect(told).toEqual(["refused b bad-frame"]);
  });

  test("that are incomplete take room until they are complete or their client has left", () => {
    const desk = deskWith({ clientsArrivingBytesMax: 5_000 });
    for (let times = 0; times < 3; times++) {
      const gone = attached(desk, "gone");
      gone.announce(1_000);
      expect(gone.link.arrivingBytes).toBeGreaterThan(2_500);
      leave(gone);
      const done = attached(desk, "done");
      const frame = Buffer.from(encodeFrame({ kind: "status", id: 1 }));
      done.link.socketReceived(frame.subarray(0, 3));
      done.link.socketReceived(frame.subarray(3));
    }
    expect(told).toEqual([]);
    const [one, other] = [attached(desk, "one"), attached(desk, "other")];
    one.announce(1_000);
    other.announce(1_000);
    expect([told, one.link.isOpen, other.link.isOpen]).toEqual([["refused one busy"], false, true]);
  });

  test("of one client beyond what a turn reads make the others wait, but none that has left", () => {
    const desk = deskWith({ requestsTurnBytes: 10 });
    const [gone, other, asking] = [attached(desk, "gone"), attached(desk, "other"), attached(desk, "asking")];
    leave(gone);
    asking.announce(1_000);
    asking.link.socketReceived(Buffer.alloc(20));
    expect([gone, other, asking].map(({ pauses }) => pauses.count)).toEqual([0, 1, 1]);
  });

  test("that come whole count as read, too: many small ones make the others wait as a large one does", () => {
    const desk = deskWith({ requestsTurnBytes: 100 });
    const [asking, other] = [attached(desk, "asking"), attached(desk, "other")];
    let sentBytes = 0;
    for (let id = 1; sentBytes < 100; id++) {
      expect(other.pauses.count).toBe(0);
      receive(asking, { kind: "status", id });
      sentBytes += encodeFrame({ kind: "status", id }).length;
    }
    expect(other.pauses.count).toBe(1);
  });

  test("are taken in turns of the client names, however many connections a name has", () => {
    const desk = deskWith({ requestsPerTurn: 1 });
    const [one, other, modest] = [attached(desk, "greedy"), attached(desk, "greedy"), attached(desk, "modest")];
    for (const opened of [one, one, other, other, modest]) receive(opened, { kind: "status", id: 1 });
    for (let turn = 0; turn < 4; turn++) for (const callback of soon.splice(0)) callback();
    expect(asked.map(({ client }) => client.name)).toEqual(["greedy", "greedy", "modest", "greedy", "greedy"]);
  });

  test("that make the node fail are no fault of the client: the failure goes on to the node", () => {
    const desk = deskWith({}, () => {
      throw new Error("an invariant is broken");
    });
    const asking = attached(desk, "a");
    expect(() => receive(asking, { kind: "status", id: 1 })).toThrow("an invariant is broken");
    expect([told, asking.link.isOpen]).toEqual([[], true]);
  });

  test("for administrators are answered to others, who stay, and are not heard by the node", () => {
    const desk = deskWith();
    const [alice, admin] = [attached(desk, "alice"), attached(desk, "admin")];
    for (const opened of [alice, admin]) receive(opened, { kind: "stop", id: 7 });
    for (const callback of soon.splice(0)) callback();
    expect(asked.map(({ request, client }) => [request.kind, client.name, client.isAdmin])).toEqual([
      ["stop", "admin", true],
    ]);
    const message = 'stop is for administrators only, and "alice" is not listed in [access] admins';
    expect(replies(alice)).toEqual([{ kind: "error", id: 7, code: "unauthorized", message, leader: null }]);
    expect([alice.link.isOpen, told]).toEqual([true, []]);
  });
});

test("each connection writes its part of a turn, and however many there are, at least a record of TLS", () => {
  const kibibyte = 1024;
  const desk = deskWith({ clientsTurnBytes: 40 * kibibyte });
  const links: OpenLink[] = [];
  for (const part of [40, 20, 16, 16]) {
    links.push(attached(desk, "a"));
    expect(links.map(({ link }) => link.pieceBytesMax / kibibyte)).toEqual(links.map(() => part));
  }
});

const result = (id: number, bytes: number): ClientReply => ({
  kind: "result",
  id,
  payload: new Uint8Array(bytes),
  index: 1,
  term: 1,
  stalenessMs: null,
});
interface Asker extends OpenLink {
  readonly client: ClientConnection;
}
function asker(desk: ClientDesk, name = "alice"): Asker {
  const opened = attached(desk, name);
  receive(opened, { kind: "status", id: 1 });
  for (const callback of soon.splice(0)) callback();
  return { ...opened, client: asked.at(-1)!.client };
}

describe("answers", () => {
  test("that the protocol cannot carry are answered with an error in their place", () => {
    const { client, ...opened } = asker(deskWith());
    client.reply(result(7, payloadBytesMax));
    client.reply(result(8, payloadBytesMax + 1));
    opened.turn();
    while (opened.link.queuedBytes > 0) opened.turn();
    const bytes = Buffer.concat(opened.written);
    const first = 4 + bytes.readUInt32BE(0);
    expect(decodeFrame(bytes.subarray(4, first), "reply")).toMatchObject({ kind: "result", id: 7 });
    expect(decodeFrame(bytes.subarray(first + 4), "reply")).toEqual({
      kind: "error",
      id: 8,
      code: "result-lost",
      message: "the result is larger than the protocol can carry",
      leader: null,
    });
  });

  test("that are unsent when the client leaves are told, and none are told when there are none", () => {
    const desk = deskWith();
    const [waiting, idle] = [asker(desk), asker(desk)];
    waiting.client.reply(result(1, 1_000));
    const queued = waiting.link.queuedBytes;
    leave(waiting);
    leave(idle);
    expect(told).toEqual([`lost alice ${queued} the other side closed the connection`]);
    expect([waiting.client.isOpen, queued > 1_000]).toEqual([false, true]);
    // Nobody is there any more: it is dropped.
    waiting.client.reply(result(2, 1_000));
    expect(waiting.link.queuedBytes).toBe(0);
  });

  test.each(["alice", "admin"])(
    "give %s credit below the bound and none from it on, and who waits for it is told once, in a later turn",
    (name) => {
      const { client, link, room, turn } = asker(deskWith({ clientCreditBytes: 2_000 }), name);
      let calls = 0;
      room.bytes = 0;
      client.reply(result(1, 1_000));
      expect(client.hasCredit).toBe(true);
      const overhead = link.queuedBytes - 1_000;
      client.reply(result(2, 1_000 - 2 * overhead));
      expect([client.hasCredit, link.queuedBytes]).toEqual([false, 2_000]);
      client.reply(result(3, 500));
      client.whenCredit(() => void calls++);
      turn();
      room.bytes = 10;
      link.socketDrained();
      expect([calls, soon.length, client.hasCredit]).toEqual([0, 0, false]);
      for (let times = 0; times < 3; times++) {
        room.bytes = 500;
        link.socketDrained();
      }
      expect([calls, soon.length, client.hasCredit]).toEqual([0, 1, true]);
      for (const callback of soon.splice(0)) callback();
      expect(calls).toBe(1);
    },
  );
});

describe("answers to a client that takes nothing", () => {
  const bound = 1024 * 1024;
  function stuck(limits: Partial<TransportLimits>): Asker {
    const opened = asker(deskWith(limits));
    opened.room.bytes = 0;
    return opened;
  }

  test("wait up to the bound to the byte, and a result beyond it is an error in its place", () => {
    const { client, link, room, written } = stuck({ clientQueueBytesMax: bound });
    client.reply(result(1, bound / 2));
    client.reply(result(2, bound - link.queuedBytes));
    const waiting = link.queuedBytes;
    expect(waiting).toBeGreaterThan(bound);
    client.reply(result(3, 1));
    expect(link.isOpen).toBe(true);
    room.bytes = 4 * bound;
    while (link.queuedBytes > 0) link.socketDrained();
    expect(decodeFrame(Buffer.concat(written).subarray(waiting + 4), "reply")).toEqual({
      kind: "error",
      id: 3,
      code: "result-lost",
      message: `the result does not fit behind the ${waiting} bytes that wait for this client`,
      leader: null,
    });
  });

  test("leave room for a mebibyte of errors behind the results; beyond it the client is told that it is too slow", () => {
    const { client, link, room, written } = stuck({ clientQueueBytesMax: bound });
    client.reply(result(1, bound));
    const error = (id: number): ClientReply => ({
      kind: "error",
      id,
      code: "rejected",
      message: "x".repeat(900),
      leader: null,
    });
    let waiting = 0;
    for (let id = 2; link.isOpen && id < 2_000; id++) {
      waiting = link.queuedBytes;
      client.reply(error(id));
    }
    expect([link.isFinishing, waiting > 2 * bound - 1_000, waiting <= 2 * bound]).toEqual([true, true, true]);
    room.bytes = 4 * bound;
    while (link.queuedBytes > 0) link.socketDrained();
    const bytes = Buffer.concat(written);
    let last = 0;
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) last = at;
    const message = `the other side is too slow: ${waiting} bytes wait for it`;
    expect(decodeFrame(bytes.subarray(last + 4), "reply")).toEqual({ kind: "refused", code: "busy", message });
  });
});

describe("answers to all clients together beyond their bound", () => {
  /** Nobody takes anything; so many bytes wait for each name. */
  function crowd(waiting: Readonly<Record<string, number>>): Readonly<Record<string, Asker>> {
    const desk = deskWith({ clientQueuesBytesMax: 10_000 });
    const crowded = Object.entries(waiting).map(([name, bytes]) => {
      const opened = asker(desk, name);
      opened.room.bytes = 0;
      if (bytes > 0) opened.client.reply(result(1, bytes));
      return [name, opened] as const;
    });
    return Object.fromEntries(crowded);
  }
  const open = (all: Readonly<Record<string, Asker>>): string =>
    Object.keys(all)
      .filter((name) => all[name]!.link.isOpen)
      .join(" ");

  test.each([
    ["another, for which most waits", { a: 1_000, b: 6_000, c: 2_000 }, 2_000, "a c"],
    ["the asker, for which most would wait", { a: 1_000, b: 6_000, c: 2_000 }, 5_500, "b c"],
    ["none, when there is room", { a: 1_000, b: 6_000, c: 2_000 }, 500, "a b c"],
  ])("drop %s", (_, waiting, bytes, left) => {
    const all = crowd(waiting);
    all["a"]!.client.reply(result(2, bytes));
    expect(open(all)).toBe(left);
  });

  test("drop one that is about to end, when most waits for it", () => {
    const all = crowd({ a: 1_000, ending: 6_000, c: 2_000 });
    all["ending"]!.link.finish("it is over", null);
    all["a"]!.client.reply(result(2, 2_000));
    expect([open(all), all["ending"]!.link.isFinishing]).toEqual(["a c", false]);
  });

  test("drop a second one in the same turn: the first is as good as gone, though most waited for it", () => {
    const all = crowd({ a: 1_000, b: 6_000, c: 2_000 });
    all["a"]!.client.reply(result(2, 3_000));
    expect(open(all)).toBe("a c");
    for (let id = 3; id < 6; id++) all["c"]!.client.reply(result(id, 900));
    all["a"]!.client.reply(result(6, 1_800));
    expect(open(all)).toBe("c");
  });

  test("are told with what waits for all and what for the one that is dropped", () => {
    const all = crowd({ a: 1_000, b: 6_000, c: 2_000 });
    const [of, own] = [
      Object.values(all).reduce((sum, { link }) => sum + link.queuedBytes, 0),
      all["b"]!.link.queuedBytes,
    ];
    all["a"]!.client.reply(result(2, 2_000));
    leave(all["b"]!);
    const reason = `it takes its answers too slowly: of ${of} bytes that wait for clients here, ${own} wait for it`;
    expect(told).toEqual([`lost b ${own} ${reason}`]);
  });

  test("are offered to every client before one is dropped: it may only be the turn's end that they wait for", () => {
    const all = crowd({ a: 0, b: 6_000 });
    for (const { room } of Object.values(all)) room.bytes = 100_000;
    all["a"]!.client.reply(result(2, 6_000));
    expect(open(all)).toBe("a b");
    const sent = all["b"]!.written.reduce((sum, { length }) => sum + length, 0);
    expect([sent > 6_000, all["b"]!.link.queuedBytes]).toEqual([true, 0]);
  });
});
