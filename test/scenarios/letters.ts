// What is under way between the nodes of a story, and how a story points at it.
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { Message } from "../../src/core/messages.ts";

export interface Letter {
  readonly from: MemberKey;
  readonly to: MemberKey;
  readonly message: Message;
}

/** Which letters: of these senders, to these nodes, of this kind. Whatever is left out is any. */
export interface Which {
  readonly from?: string;
  readonly to?: string;
  readonly kind?: Message["kind"];
}

export const matches = ({ from, to, message }: Letter, which: Which): boolean =>
  (which.from === undefined || nodeIdOf(from) === which.from) &&
  (which.to === undefined || nodeIdOf(to) === which.to) &&
  (which.kind === undefined || message.kind === which.kind);
