// What does each client request become? Commands and queries go through the mailbox to the core; the others are answered
// from what this node knows. Who may ask what has been checked by the transport.
import { describeTransfer } from "../core/describe.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type {
  BackupRequest,
  ClientReply,
  ClientRequest,
  CloseSessionRequest,
  CommandRequest,
  OpenSessionRequest,
  QueryRequest,
  ReadBackupRequest,
  RequestId,
} from "../ports/requests.ts";
import type { StateMachineDescription } from "../ports/state-machine.ts";
import type { ClientConnection } from "../ports/transport.ts";
import type { Backups } from "./backups.ts";
import { type ChangeTarget, onChangeRequest } from "./change-request.ts";
import type { Endless } from "./endless-work.ts";
import { knownLeader } from "./known-leader.ts";
import type { HandOver } from "./hand-overs.ts";
import { withAnnounced } from "./leader-address.ts";
import type { OpenRequest, OpenRequests } from "./open-requests.ts";
import { onRollOutRequest, type RollOutTarget } from "./roll-out.ts";
import { onSkipRequest, type SkipTarget } from "./skip-entry.ts";
import { type SessionTarget, submitClosing, submitOpening } from "./session-requests.ts";
import { describeConfiguration, describeStatus, type StatusSource } from "./status.ts";
import { firstAnswer } from "./answers.ts";
import {
  cannotGoOn,
  notAnswered,
  type QueryWaiter,
  type ReplyError,
  timeoutMsMax,
  type Waiter,
} from "./waiting-clients.ts";

/** The node as its clients' requests see it. */
export interface RequestTarget extends ChangeTarget, StatusSource, SessionTarget, RollOutTarget, SkipTarget {
  readonly membership: ChangeTarget["membership"] & StatusSource["membership"];
  readonly description: StateMachineDescription;
  /** Why requests are not taken just now; null when they are. */
  readonly refusal: ReplyError | null;
  /** Why it takes no commands just now while it leads, in words; null: it does. */
  readonly whyNoCommands: string | null;
  /** What its state machine hangs at; null: nothing. */
  readonly endlessWork: Endless | null;
  readonly open: OpenRequests;
  readonly snapshots: StatusSource["snapshots"] & { readonly backups: Backups };
  /** Has a query answered from the state as it is here, unless that may be older than `maxMs`; null: however old. */
  submitStale(waiter: QueryWaiter, maxMs: Millis | null): void;
  stop(): Promise<void>;
}

type Reply = (answer: ClientReply) => void;

export function onClientRequest(node: RequestTarget, request: ClientRequest, client: ClientConnection): void {
  const reply: Reply = (answer) => client.reply(withAnnounced(answer, node));
  switch (request.kind) {
    case "command":
    case "openSession":
    case "closeSession":
    case "query":
    case "backup":
      submit(node, request, client, reply);
      return;
    case "status":
      reply({ kind: "status", id: request.id, ...describeStatus(node) });
      return;
    case "configuration":
      reply({ kind: "configuration", id: request.id, ...describeConfiguration(node.state) });
      return;
    case "describe":
      reply({ kind: "describe", id: request.id, ...node.description });
      return;
    case "transferLeadership":
      void node.transfer(request.to).then((outcome) => replyToTransfer(node, request.id, outcome, reply));
      return;
    case "changeMembership":
      void onChangeRequest(node, request, reply);
      return;
    case "rollOut":
      onRollOutRequest(node, request, client, reply);
      return;
    case "skip":
      onSkipRequest(node, request, client, reply);
      return;
    case "readBackup":
      void readBackup(node.snapshots.backups, request).then(reply);
      return;
    case "stop":
      reply({ kind: "done", id: request.id, leader: knownLeader(node.state) });
      void node.stop();
      return;
  }
}

const backupReach = { kind: "reach", notDone: "the backup was not begun" } as const;

type Submitted = CommandRequest | OpenSessionRequest | CloseSessionRequest | QueryRequest | BackupRequest;

function submit(node: RequestTarget, request: Submitted, client: ClientConnection, send: Reply): void {
  const { id } = request;
  const payload = "payload" in request ? request.payload : nothing;
  const reply = firstAnswer(send);
  const fail = (error: ReplyError): void => reply({ kind: "error", id, ...error });
  const { refusal, endlessWork } = node;
  if (refusal !== null) return fail(refusal);
  const leads = node.state.role.kind === "leader";
  const grows = request.kind === "command" || request.kind === "openSession";
  const whyNoCommands = grows && leads ? node.whyNoCommands : null;
  if (whyNoCommands !== null) {
    const message = `${whyNoCommands}; it takes no commands until there is space, and goes on answering queries`;
    return fail({ code: "overloaded", message, leader: null });
  }
  const isForItsState = leads || request.kind === "query" || request.kind === "backup";
  if (endlessWork !== null && isForItsState) return fail(notAnswered(cannotGoOn(endlessWork)));
  const objection = node.open.objection(client.name, payload.byteLength);
  if (objection !== null) return fail({ code: "overloaded", message: objection, leader: null });
  const open = node.open.open(client.name, payload.byteLength);
  const dueMs = node.clock.nowMs() + Math.min(request.timeoutMs, timeoutMsMax);
  switch (request.kind) {
    case "command":
      return node.submit({
        kind: "command",
        payload,
        session: request.session === null ? null : { ...request.session, client: client.name },
        from: client,
        open,
        dueMs,
        succeed: result(id, reply),
        fail,
      });
    case "query": {
      const read = closing(open, { succeed: result(id, reply), fail });
      const waiter = { kind: "query", payload, from: client, open, dueMs, ...read } as const;
      if (request.consistency === "stale") return node.submitStale(waiter, request.maxStalenessMs);
      return node.submit(waiter);
    }
    case "backup": {
      const succeed: Succeed = (_, { index }) => void makeBackup(node.snapshots.backups, id, index).then(reply);
      return node.submit({ ...backupReach, payload, from: client, open, dueMs, ...closing(open, { succeed, fail }) });
    }
    case "openSession": {
      const succeed: Succeed = (_, { index }) => reply({ kind: "sessionOpened", id, session: index });
      const { name, isAdmin } = client;
      const opening = { ...request, client: name, isAdmin, payload, from: client, open, dueMs, succeed, fail };
      return submitOpening(node, opening);
    }
    case "closeSession": {
      const succeed: Succeed = () => reply({ kind: "done", id, leader: knownLeader(node.state) });
      const name = client.name;
      return submitClosing(node, { ...request, client: name, payload, from: client, open, dueMs, succeed, fail });
    }
  }
}

type Succeed = Waiter["succeed"];

/** What changes nothing is seen through once it is answered; of the others waiting-clients.ts knows. */
function closing(
  open: OpenRequest,
  { succeed, fail }: Pick<Waiter, "succeed" | "fail">,
): Pick<Waiter, "succeed" | "fail"> {
  return {
    succeed: (...answer) => {
      open.close();
      succeed(...answer);
    },
    fail: (error) => {
      open.close();
      fail(error);
    },
  };
}

const nothing = new Uint8Array();

const result =
  (id: RequestId, reply: Reply): Succeed =>
  (payload, { index, term }, stalenessMs) =>
    reply({ kind: "result", id, payload, index, term, stalenessMs });

async function makeBackup(backups: Backups, id: RequestId, through: LogIndex): Promise<ClientReply> {
  const answer = await backups.take(through);
  if (answer.kind === "failed") return { kind: "error", id, ...answer.error };
  const { file, bytes, checksum, position } = answer.value;
  return { kind: "backupReady", id, file, bytes, checksum, ...position };
}

async function readBackup(backups: Backups, request: ReadBackupRequest): Promise<ClientReply> {
  const { id, file, offset, bytesMax } = request;
  const answer = await backups.read(file, offset, bytesMax);
  if (answer.kind === "failed") return { kind: "error", id, ...answer.error };
  return { kind: "backupPiece", id, offset, bytes: answer.value };
}

function replyToTransfer(node: RequestTarget, id: number, outcome: HandOver, reply: Reply): void {
  const leader = knownLeader(node.state);
  if (outcome.kind === "done") return reply({ kind: "done", id, leader });
  const message = outcome.kind === "nodeEnded" ? "the node ended before the hand-over did" : describeTransfer(outcome);
  reply({ kind: "error", id, code: codeOf(outcome), message, leader });
}

function codeOf(outcome: Exclude<HandOver, { kind: "done" }>): ReplyError["code"] {
  switch (outcome.kind) {
    case "notLeader":
    case "elsewhere":
      return "not-leader";
    case "unknownTarget":
    case "unfitTarget":
      return "rejected";
    case "busy":
      return "overloaded";
    case "noTarget":
      return "unavailable";
    // The target may have been told to stand for election, and may still win.
    case "timedOut":
    case "nodeEnded":
      return "outcome-unknown";
  }
}
