// A client's connection for tests, as those see it that hold its requests.
import type { OpenRequest } from "../../src/node/open-requests.ts";
import type { Asker } from "../../src/node/waiting-clients.ts";

export class TestAsker implements Asker {
  readonly name: string;
  isOpen = true;
  hasCredit = true;
  /** What is to be called when it has credit again. */
  awaited: (() => void) | null = null;

  constructor(name: string) {
    this.name = name;
  }

  whenCredit(callback: () => void): void {
    this.awaited = callback;
  }
}

/** For tests that do not care who asks. */
export const someone = new TestAsker("someone");

/** For tests that do not care how much is open. */
export const unbounded: OpenRequest = { bytes: 0, close: () => {} };
