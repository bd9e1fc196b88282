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

function deskWith(limits: Partial<TransportLimits> = {}): ClientDesk {
  const onRequest: TransportHandler["onRequest"] = (request, client) => void asked.push({ request, client });
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

describe("answers", () => {
  const result = (id: number, bytes: number): ClientReply => ({
    kind: "result",
    id,
    payload: new Uint8Array(bytes),
    index: 1,
    term: 1,
    stalenessMs: null,
  });
  function asker(desk: ClientDesk): OpenLink & { readonly client: ClientConnection } {
    const opened = attached(desk, "alice");
    receive(opened, { kind: "status", id: 1 });
    for (const callback of soon.splice(0)) callback();
    return { ...opened, client: asked.at(-1)!.client };
  }

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

  test("give credit below the bound and none from it on, and who waits for it is told once, in a later turn", () => {
    const { client, link, room, turn } = asker(deskWith({ clientCreditBytes: 2_000 }));
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
  });
});
