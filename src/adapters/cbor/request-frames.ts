// What clients ask on the wire: each writer beside its reader.
import type { ClientRequest, CommandRequest, QueryRequest, RequestId } from "../../ports/requests.ts";
import { bytes, type Item, name, orNull, row, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { payloadBytesMax, timeoutMsMax } from "./limits.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";

export function writeRequest(writer: FrameWriter, request: ClientRequest): void {
  switch (request.kind) {
    case "command":
      return writePayload(writer, messageNumbers.commandRequest, request);
    case "query":
      return writePayload(writer, messageNumbers.queryRequest, request);
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
  }
}

function writePayload(writer: FrameWriter, number: number, request: CommandRequest | QueryRequest): void {
  writer.start(number, 4);
  writer.uint(request.id);
  writer.uint(request.timeoutMs);
  writer.payload(request.payload);
}

function writeBare(writer: FrameWriter, number: number, id: RequestId): void {
  writer.start(number, 2);
  writer.uint(id);
}

export const requestId = (item: Item): RequestId => uint(item, Number.MAX_SAFE_INTEGER, "id");

export function readCommandRequest(items: readonly PlainItem[]): CommandRequest {
  return { kind: "command", ...readPayload(items, "command") };
}

export function readQueryRequest(items: readonly PlainItem[]): QueryRequest {
  return { kind: "query", ...readPayload(items, "query") };
}

function readPayload(items: readonly PlainItem[], message: string): Omit<CommandRequest, "kind"> {
  const [, id, timeoutMs, payload] = row(items, 4, message);
  return {
    id: requestId(id),
    payload: bytes(payload, payloadBytesMax, "payload"),
    timeoutMs: uint(timeoutMs, timeoutMsMax, "timeoutMs"),
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
