// Does every command of a session take effect once (§6.3)? A few clients send theirs to several nodes, and again whenever no
// answer has come, whatever became of the other copies. All nodes must answer alike, and every answer must be true.
import type { CommandStamp, Entry } from "../../src/core/entry.ts";
import type { Proposal, ProposalRef } from "../../src/core/events.ts";
import type { LogIndex } from "../../src/core/log-position.ts";
import type { Chance } from "../../src/sim/chance.ts";
import type { Coverage } from "./coverage.ts";
import type { MachineAnswer } from "./session-machine.ts";
import { Violation } from "../../src/sim/violation.ts";

/** Refs of these clients' proposals are above it, those of plain commands below. */
const refsAbove = 2 ** 40;
const clientsMax = 3;
const inFlightMax = 6;
/** Of so many turns of the clients, one is that of a thief. */
const turnsOfOneTheft = 50;
const thief = "thief";

export const isOfClient = (ref: ProposalRef): boolean => ref > refsAbove;

interface Command {
  readonly number: number;
  readonly stamp: CommandStamp;
  /** How many have been given to a node. */
  copies: number;
}

interface Client {
  readonly name: string;
  session: LogIndex | null;
  timeoutMs: number;
  lastSequence: number;
  /** By sequence, ascending: those without an answer. */
  readonly inFlight: Map<number, Command>;
}

type Sent = { readonly client: Client; readonly command: Command | null };

export class Clients {
  readonly #chance: Chance;
  readonly #coverage: Coverage;
  readonly #electionTimeoutMs: number;
  readonly #clients: readonly Client[];
  readonly #sent = new Map<ProposalRef, Sent>();
  /** By the command's number, the entry by which it took effect. */
  readonly #effects = new Map<number, LogIndex>();
  /** Commands of which a client has been told that nothing happened. */
  readonly #neverHappened = new Set<number>();
  /** By index, what the first node to apply the entry made of it. */
  readonly #answers = new Map<LogIndex, string>();
  #lastRef = refsAbove;
  #lastNumber = 0;
  #turns = 0;

  constructor(chance: Chance, coverage: Coverage, electionTimeoutMs: number) {
    this.#chance = chance;
    this.#coverage = coverage;
    this.#electionTimeoutMs = electionTimeoutMs;
    this.#clients = Array.from({ length: clientsMax }, (_, at) => {
      const timeoutMs = Math.ceil(electionTimeoutMs * chance.between(2, 20));
      return { name: `client${at}`, session: null, timeoutMs, lastSequence: 0, inFlight: new Map() };
    });
  }

  /** What one of the clients sends now, and to how many nodes. */
  act(): { readonly copies: number; readonly propose: () => Proposal } {
    const client = this.#chance.pick(this.#clients);
    const copies = this.#chance.happens(0.2) ? 2 : 1;
    const { name, session } = client;
    if (session !== null && ++this.#turns % turnsOfOneTheft === 0) {
      return { copies, propose: () => this.#theft(session, client.lastSequence + 1) };
    }
    if (session === null) {
      const timeoutMs = client.timeoutMs;
      return {
        copies,
        propose: () => ({
          kind: "openSession",
          ref: this.#refFor({ client, command: null }),
          client: name,
          isAdmin: false,
          timeoutMs,
        }),
      };
    }
    if (this.#chance.happens(0.01)) {
      this.#forget(client);
      return {
        copies,
        propose: () => ({
          kind: "closeSession",
          ref: this.#refFor({ client, command: null }),
          client: name,
          session,
        }),
      };
    }
    const waiting = [...client.inFlight.values()];
    const isNew = waiting.length === 0 || (waiting.length < inFlightMax && this.#chance.happens(0.6));
    const command = isNew ? this.#issue(client, session) : this.#chance.pick(waiting);
    return { copies, propose: () => this.#copyOf(client, command) };
  }

  /** A node applies a command of a session, and not another copy of one. */
  onEffect(number: number, index: LogIndex): void {
    const earlier = this.#effects.get(number);
    if (earlier !== undefined && earlier !== index) {
      throw new Violation(
        "a command takes effect once",
        `${number} had its effect at ${earlier} and at ${index} (P25)`,
      );
    }
    if (this.#neverHappened.has(number)) {
      throw new Violation(
        "a command takes effect once",
        `${number} was said never to have happened, and did at ${index}`,
      );
    }
    this.#effects.set(number, index);
  }

  /** What a node makes of an entry: the same as all others, in each of its lives. */
  onAnswer(entry: Entry, answer: MachineAnswer): void {
    const told = JSON.stringify(answer);
    const earlier = this.#answers.get(entry.index);
    if (earlier === undefined) {
      this.#answers.set(entry.index, told);
      this.#count(answer);
    } else if (earlier !== told) {
      throw new Violation("every node answers alike", `${entry.index} came to ${earlier}, and to ${told}`);
    }
  }

  /** The node that gave the proposal its place has applied it, and tells the client. */
  onReply(ref: ProposalRef, answer: MachineAnswer): void {
    const sent = this.#sent.get(ref);
    if (sent === undefined) return;
    this.#sent.delete(ref);
    const { client, command } = sent;
    if (command === null) {
      if (answer.kind === "opened" && client.session === null) client.session = answer.session;
      return;
    }
    const isWaitedFor = client.inFlight.get(command.stamp.sequence) === command;
    if (answer.kind === "expired") return this.#onExpired(client, command);
    if (answer.kind === "forgotten") {
      if (isWaitedFor) throw new Violation("no answer is forgotten too early", `${command.number} is waited for`);
      return;
    }
    if (answer.kind !== "applied")
      throw new Violation("an answer is to its command", `${command.number}: ${answer.kind}`);
    if (this.#effects.get(command.number) !== answer.index) {
      throw new Violation("what is acknowledged took effect", `${command.number} did not at ${answer.index}`);
    }
    if (isWaitedFor) this.#coverage.sessionCommands++;
    if (isWaitedFor) client.inFlight.delete(command.stamp.sequence);
  }

  #onExpired(client: Client, command: Command): void {
    // It was the only copy: no other one can have had an effect before, and none ever will.
    if (command.copies === 1) {
      if (this.#effects.has(command.number)) {
        throw new Violation("what is said not to have happened did not", `${command.number} took effect`);
      }
      this.#neverHappened.add(command.number);
    }
    if (client.session === command.stamp.id) this.#forget(client);
  }

  #forget(client: Client): void {
    client.session = null;
    client.lastSequence = 0;
    client.inFlight.clear();
    client.timeoutMs = Math.ceil(this.#electionTimeoutMs * this.#chance.between(2, 20));
  }

  #issue(client: Client, id: LogIndex): Command {
    const sequence = ++client.lastSequence;
    const [answeredBelow = sequence] = client.inFlight.keys();
    const command = { number: ++this.#lastNumber, stamp: { id, sequence, answeredBelow }, copies: 0 };
    client.inFlight.set(sequence, command);
    return command;
  }

  /** Another client has guessed the session, and takes the number of the next command in it. It must have no effect. */
  #theft(id: LogIndex, sequence: number): Proposal {
    const number = ++this.#lastNumber;
    this.#neverHappened.add(number);
    const session = { id, sequence, answeredBelow: sequence, client: thief };
    return { kind: "command", ref: ++this.#lastRef, payload: payloadOf(number), session };
  }

  #copyOf(client: Client, command: Command): Proposal {
    command.copies++;
    return {
      kind: "command",
      ref: this.#refFor({ client, command }),
      payload: payloadOf(command.number),
      session: { ...command.stamp, client: client.name },
    };
  }

  #refFor(sent: Sent): ProposalRef {
    this.#sent.set(++this.#lastRef, sent);
    return this.#lastRef;
  }

  #count(answer: MachineAnswer): void {
    if (answer.kind === "opened") this.#coverage.sessions++;
    if (answer.kind === "expired") this.#coverage.expiredCopies++;
    if (answer.kind === "forgotten") this.#coverage.forgottenCopies++;
    if (answer.kind === "foreign") this.#coverage.thefts++;
    if (answer.kind === "applied" && answer.isCopy) this.#coverage.answeredCopies++;
  }
}

function payloadOf(number: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, number);
  return payload;
}
