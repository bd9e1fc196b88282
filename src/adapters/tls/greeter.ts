// How does this node begin a conversation? It introduces itself to who has connected, dials who is meant for one of the
// purposes that a connection can have, and probes who is there. What becomes of a link whose hellos are exchanged is the
// caller's matter.
import type { NodeId } from "../../core/configuration.ts";
import { type Affiliation, genesisIn } from "../../core/genesis.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Discovery, PeerIdentity } from "../../ports/transport.ts";
import { encodeFrame } from "../cbor/codec.ts";
import type { Hello, NodePurpose, Refused } from "../cbor/frames.ts";
import type { FlushTurn } from "./flush-turn.ts";
import { type DialFailure, explainGreeting, Greeting, type GreetingFailure, type GreetingOptions } from "./greeting.ts";
import {
  copiesFeature,
  type Expectation,
  joiningFeature,
  machineFeature,
  makeHello,
  type NodeSender,
  refused,
  skipsFeature,
} from "./hello.ts";
import type { Link, LinkHandler } from "./link.ts";
import { connectTls } from "./secure-socket.ts";
import type { LinkEnd, TlsMaterial } from "./tls-words.ts";

export interface GreeterOptions {
  readonly self: SelfIdentity;
  readonly cluster: string;
  readonly software: string;
  /** The state machine's name. */
  readonly machine: string;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly queueBytesMax: number;
  readonly flushTurn: FlushTurn;
  readonly affiliation: () => Affiliation;
  readonly onBegun: (link: Link) => void;
  readonly onEnded: (link: Link) => void;
  /** This node could not even try to reach another one. */
  readonly onUnable: (reason: string) => void;
}

export interface Dial {
  /** null: whichever node of the cluster is there. */
  readonly id: NodeId | null;
  readonly address: string;
  readonly purpose: NodePurpose;
  /** The node that was meant has answered, for the same purpose. Gives the link its handler, or answers why it is not wanted. */
  readonly onHello: (link: Link, sender: NodeSender, hello: Hello) => Refused | null;
  /** Why it has come to nothing, in words for an operator. */
  readonly onFailed: (failure: LinkEnd & DialFailure) => void;
}

/** Nothing is delivered of a connection that is not to stay. */
export const spareHandler: LinkHandler = { onTrusted() {}, onFrame() {}, onBadFrame() {}, onClose() {} };

export const identityOfSender = ({ id, incarnation, bootId }: NodeSender): PeerIdentity => ({
  id,
  incarnation,
  bootId,
});

/** Who this node is, as its hellos say it; others reach it at `address`. */
export type SelfIdentity = PeerIdentity & { readonly address: string };

export class Greeter {
  readonly #options: GreeterOptions;

  constructor(options: GreeterOptions) {
    this.#options = options;
  }

  hello(meant: string | null, purpose: NodePurpose = { kind: "peer" }): Hello {
    const { self, cluster, software, machine } = this.#options;
    const affiliation = this.#options.affiliation();
    const sender: NodeSender = { role: "node", ...self, genesis: genesisIn(affiliation), purpose };
    const features = [
      machineFeature(machine),
      skipsFeature,
      copiesFeature,
      ...(affiliation === "joining" ? [joiningFeature] : []),
    ];
    return makeHello(cluster, sender, { meant, software, features });
  }

  /** The link of a connection that someone has made to this node. */
  accept(onHello: GreetingOptions["onHello"], onFailed: (link: Link, failure: GreetingFailure) => void): Link {
    const greeting: Greeting = this.#greet({ side: "accepted", meant: null }, null, onHello, (failure) =>
      onFailed(greeting.link, failure),
    );
    return greeting.link;
  }

  /** Answers a hello for the same purpose. */
  answer(link: Link, meant: string, purpose: NodePurpose): void {
    link.send(encodeFrame(this.hello(meant, purpose)));
  }

  /** Throws `GraftError("config")` when the address is none. */
  dial({ id, address, purpose, onHello, onFailed }: Dial): Link {
    const { tls, clock, onUnable } = this.#options;
    const { link } = this.#greet(
      { side: "dialled", meant: id },
      () => this.hello(id, purpose),
      (answered, hello) => {
        const { sender } = hello;
        if (sender.role === "node" && sender.purpose.kind === purpose.kind) return onHello(answered, sender, hello);
        return refused("bad-frame", "the answer to a hello has another purpose than it");
      },
      (failure) => {
        if (failure.kind === "unable") onUnable(failure.reason);
        onFailed(explainGreeting(failure, { id, tls, nowMs: clock.wallMs() }));
      },
    );
    connectTls(address, tls, link);
    return link;
  }

  /** Who answers at this address, if it is this node; null: whoever it is. Changes nothing there. */
  probe(id: NodeId | null, address: string, timeoutMs: number): Promise<Discovery> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Discovery>();
    try {
      const link = this.dial({
        id,
        address,
        purpose: { kind: "probe" },
        onHello: (answered, sender) => {
          resolve({ kind: "there", identity: identityOfSender(sender) });
          answered.handler = spareHandler;
          answered.finish("it was a probe", null);
          return null;
        },
        onFailed: ({ kind, reason }) => resolve({ kind: kind === "unable" ? kind : "failed", reason }),
      });
      const late = `no answer within ${Math.round(timeoutMs)} ms`;
      const timer = clock.at(clock.nowMs() + timeoutMs, () => link.drop(late, "unreachable"));
      void promise.then(() => timer.cancel());
    } catch (error) {
      resolve({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
    }
    return promise;
  }

  #greet(
    { side, meant }: Pick<Expectation, "side" | "meant">,
    opening: GreetingOptions["opening"],
    onHello: GreetingOptions["onHello"],
    onFailed: GreetingOptions["onFailed"],
  ): Greeting {
    const { self, cluster, machine, affiliation, queueBytesMax, flushTurn, onBegun, onEnded } = this.#options;
    const clusterUuid = genesisIn(affiliation())?.clusterUuid ?? null;
    const expected = { cluster, self: self.id, meant, side, clusterUuid, machine: machineFeature(machine) } as const;
    const greeting = new Greeting({ expected, queueBytesMax, flushTurn, opening, onHello, onFailed, onEnded });
    onBegun(greeting.link);
    return greeting;
  }
}
