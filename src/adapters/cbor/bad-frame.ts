// What is thrown for bytes from outside that break the protocol: the only error that decoding throws.

/**
 * Says what is wrong and where, in words of ours alone: never a byte of what was sent, so that nothing secret and no
 * control character reaches a log or the other side's terminal.
 */
export class BadFrame extends Error {
  /** `not-allowed`: a message of the protocol, but not one that may come here; `bad-frame`: everything else. */
  readonly code: "bad-frame" | "not-allowed";

  constructor(message: string, code: "bad-frame" | "not-allowed" = "bad-frame") {
    super(message);
    this.name = "BadFrame";
    this.code = code;
  }
}
