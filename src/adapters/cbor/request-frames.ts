// What clients ask on the wire: each writer beside its reader.
import type { CommandStamp } from "../../core/entry.ts";
import type {
  BackupRequest,
  ClientRequest,
  CommandRequest,
  Consistency,
  QueryRequest,
  ReadBackupRequest,
  RequestId,
} from "../../ports/requests.ts";
import type { RollOutRequest, SkipRequest } from "../../ports/version-requests.ts";
import { readStamp, sessionId, sessionTimeoutMs, writeStamp } from "./entries.ts";
import { bytes, type Item, name, orNull, requestId, row, uint, word } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { writeChangeMembership } from "./membership-frames.ts";
import { payloadBytesMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

const consistencies = ["linearizable", "stale"] as const satisfies readonly Consistency[];

/** Those of backups are in backup-frames.ts, those of versions in version-frames.ts, beside their answers. */
type OrdinaryRequest = Exclude<ClientRequest, BackupRequest | ReadBackupRequest | RollOutRequest | SkipRequest>;

export function writeRequest(writer: FrameWriter, request: OrdinaryRequest): void {
  switch (request.kind) {
    case "command":
      writer.start(messageNumbers.commandRequest, 5);
      writePayload(writer, request);
      if (request.session === null) return writer.nil();
      writer.array(3);
      return writeStamp(writer, request.session);
    case "query":
      writer.start(messageNumbers.queryRequest, 6);
      writePayload(writer, request);
      writer.text(request.consistency);
      return writer.uintOrNull(request.maxStalenessMs);
    case "status":
      return writeBare(writer, messageNumbers.statusRequest, request.id);
    case "configuration":
      return writeBare(writer, messageNumbers.configurationRequest, request.id);
    case "describe":
      return writeBare(writer, messageNumbers.describeRequest, request.id);
    case "transferLeadership":
      writer.start(messageNumbers.transferLeadershipRequest, 3);
      writer.uint(request.id);
      writer.textOrNull(request.to);
      return;
    case "stop":
      return writeBare(writer, messageNumbers.stopRequest, request.id);
    case "openSession":
      writer.start(messageNumbers.openSessionRequest, 4);
      writer.uint(request.id);
      writer.uint(request.timeoutMs);
      writer.uint(request.sessionTimeoutMs);
      return;
    case "closeSession":
      writer.start(messageNumbers.closeSessionRequest, 4);
      writer.uint(request.id);
      writer.uint(request.timeoutMs);
      writer.uint(request.session);
      return;
    case "changeMembership":
      return writeChangeMembership(writer, request);
  }
}

function writePayload(writer: FrameWriter, request: CommandRequest | QueryRequest): void {
  writer.uint(request.id);
  writer.uint(request.timeoutMs);
  writer.payload(request.payload);
}

function writeBare(writer: FrameWriter, number: number, id: RequestId): void {
  writer.start(number, 2);
  writer.uint(id);
}

export function readCommandRequest(items: readonly PlainItem[]): CommandRequest {
  const fields = row(items, 5, "command");
  const session = orNull(fields[4], "command.session", readSession);
  return { kind: "command", ...readPayload(fields), session };
}

export function readQueryRequest(items: readonly PlainItem[]): QueryRequest {
  const fields = row(items, 6, "query");
  return {
    kind: "query",
    ...readPayload(fields),
    consistency: word(fields[4], consistencies, "query.consistency"),
    maxStalenessMs: orNull(fields[5], "query.maxStalenessMs", (item, field) => uint(item, timeoutMsMax, field)),
  };
}

function readPayload([, id, timeoutMs, payload]: readonly PlainItem[]): Pick<
  QueryRequest,
  "id" | "payload" | "timeoutMs"
> {
  return {
    id: requestId(id),
    payload: bytes(payload, payloadBytesMax, "payload"),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "timeoutMs"),
  };
}

const readSession = (item: Item, field: string): CommandStamp => readStamp(row(item, 3, field), 0, field);

export function readOpenSessionRequest(items: readonly PlainItem[]): ClientRequest {
  const [, id, timeoutMs, session] = row(items, 4, "openSession");
  return {
    kind: "openSession",
    id: requestId(id),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "timeoutMs"),
    sessionTimeoutMs: sessionTimeoutMs(session, "openSession.session"),
  };
}

export function readCloseSessionRequest(items: readonly PlainItem[]): ClientRequest {
  const [, id, timeoutMs, session] = row(items, 4, "closeSession");
  return {
    kind: "closeSession",
    id: requestId(id),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "timeoutMs"),
    session: sessionId(session, "closeSession.session"),
  };
}

/** The requests that say nothing but what they are. */
export function readBareRequest(
  kind: "status" | "configuration" | "describe" | "stop",
): (items: readonly PlainItem[]) => ClientRequest {
  return (items) => {
    const [, id] = row(items, 2, kind);
    return { kind, id: requestId(id) };
  };
}

export function readTransferRequest(items: readonly PlainItem[]): ClientRequest {
  const [, id, to] = row(items, 3, "transferLeadership");
  return { kind: "transferLeadership", id: requestId(id), to: orNull(to, "transferLeadership.to", name) };
}
