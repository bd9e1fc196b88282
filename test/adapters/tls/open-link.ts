// A link whose handshake is done, over a socket that does nothing but take what is written, as much as the test lets it.
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { spareHandler } from "../../../src/adapters/tls/greeter.ts";
import { Link, type LinkHandler, type LinkSocket } from "../../../src/adapters/tls/link.ts";
import type { Side } from "../../../src/adapters/tls/tls-words.ts";

export interface OpenLink {
  readonly link: Link;
  readonly written: Uint8Array[];
  readonly room: { bytes: number };
  /** How often reading from the socket has been stopped. */
  readonly pauses: { count: number };
  /** The end of a turn: what was queued is written. */
  readonly turn: () => void;
  /** The head of a frame of so many bytes comes. */
  readonly announce: (bytes: number) => void;
}

export function openLink(side: Side = "accepted", handler: LinkHandler = spareHandler): OpenLink {
  const soon: (() => void)[] = [];
  const written: Uint8Array[] = [];
  const room = { bytes: Number.POSITIVE_INFINITY };
  const pauses = { count: 0 };
  const flushTurn = new FlushTurn((callback) => void soon.push(callback));
  const link = new Link({ side, frameBytesMax: 1, queueBytesMax: 1, flushTurn, handler });
  const socket = {
    authorized: true,
    remoteAddress: "10.0.0.9",
    setNoDelay() {},
    setKeepAlive() {},
    getPeerX509Certificate() {},
    write(buffer: Uint8Array, offset: number, length: number) {
      const taken = Math.min(length, room.bytes);
      room.bytes -= taken;
      if (taken > 0) written.push(buffer.slice(offset, offset + taken));
      return taken;
    },
    pause: () => void pauses.count++,
    resume() {},
    shutdown() {},
    terminate() {},
  } as unknown as LinkSocket;
  link.socketOpened(socket);
  link.socketSecured(socket, null);
  const turn = (): void => {
    for (const callback of soon.splice(0)) callback();
  };
  const announce = (bytes: number): void => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes);
    link.socketReceived(head);
  };
  return { link, written, room, pauses, turn, announce };
}
