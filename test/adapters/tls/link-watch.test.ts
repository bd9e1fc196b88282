// Which links outlive their time, told by a clock that the test moves.
import { beforeEach, describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import type { Link } from "../../../src/adapters/tls/link.ts";
import { LinkWatch } from "../../../src/adapters/tls/link-watch.ts";

const limits = {
  ...defaultLimits,
  sweepMs: 100,
  handshakeTimeoutMs: 1_000,
  frameTimeoutMs: 2_000,
  stallTimeoutMs: 3_000,
};
const times = { ...limits, keepAliveMs: 500, silenceMs: 4_000, lingerMs: 600 };

/** As much of a link as the watch looks at. */
class Watched {
  bytesReceived = 0;
  framesReceived = 0;
  bytesSent = 0;
  framesQueued = 0;
  queuedBytes = 0;
  isMidFrame = false;
  isFinishing = false;
  signs = 0;
  end: string | null = null;
  drop(reason: string): void {
    this.end ??= reason;
  }
  sendSignOfLife(): void {
    this.signs += 1;
    this.framesQueued += 1;
  }
}

let watch: LinkWatch;
let link: Watched;
let nowMs: number;

beforeEach(() => {
  watch = new LinkWatch(times);
  link = new Watched();
  nowMs = 50_000;
  watch.sweep(nowMs);
  watch.add(link as unknown as Link);
});

function pass(ms: number, each: () => void = () => {}): void {
  for (let passed = 0; passed < ms; passed += times.sweepMs) {
    each();
    nowMs += times.sweepMs;
    watch.sweep(nowMs);
  }
}
const enter = (phase: "client" | "peer" | "bulk" | "spare"): void => watch.setPhase(link as unknown as Link, phase);

describe("a connection for bulk", () => {
  test("is closed when nothing has travelled on it for long, and gets no signs of life", () => {
    enter("bulk");
    pass(50_000, () => (link.bytesReceived += 1));
    pass(50_000, () => (link.bytesSent += 1));
    expect(link.end).toBeNull();
    pass(60_000);
    expect(link.end).toBeNull();
    pass(100);
    expect(link.end).toBe("nothing has travelled on it for 60000 ms");
    expect(link.signs).toBe(0);
  });
});

describe("P54: what takes too long is closed", () => {
  test("a handshake, even while it trickles", () => {
    pass(1_000, () => (link.bytesReceived += 1));
    expect(link.end).toBeNull();
    pass(100, () => (link.bytesReceived += 1));
    expect(link.end).toContain("within 1000 ms");
  });

  test("a frame that trickles", () => {
    enter("client");
    link.isMidFrame = true;
    pass(2_000, () => (link.bytesReceived += 1));
    expect(link.end).toBeNull();
    pass(100, () => (link.bytesReceived += 1));
    expect(link.end).toBe("a frame was not complete within 2000 ms");
  });

  test("but not frames of which one after another is in the middle", () => {
    enter("client");
    link.isMidFrame = true;
    pass(20_000, () => (link.framesReceived += 1));
    expect(link.end).toBeNull();
  });

  test("a side that takes nothing of what waits for it", () => {
    enter("client");
    link.queuedBytes = 10;
    pass(2_000, () => (link.bytesSent += 1));
    pass(3_000);
    expect(link.end).toBeNull();
    pass(100);
    expect(link.end).toBe("the other side took nothing for 3000 ms while 10 bytes wait for it");
  });

  test("a side that does not close after the last word", () => {
    enter("client");
    link.isFinishing = true;
    pass(700);
    expect(link.end).toBeNull();
    pass(200);
    expect(link.end).toBe("closing took too long");
  });

  test("a spare connection, after some patience", () => {
    pass(800);
    enter("spare");
    pass(600);
    expect(link.end).toBeNull();
    pass(100);
    expect(link.end).not.toBeNull();
  });
});

describe("life on idle links", () => {
  test("an idle client may stay for ever", () => {
    enter("client");
    pass(600_000);
    expect([link.end, link.signs]).toEqual([null, 0]);
  });

  test("a peer that says nothing for too long is gone", () => {
    enter("peer");
    pass(3_000);
    link.bytesReceived += 4;
    pass(4_000);
    expect(link.end).toBeNull();
    pass(200);
    expect(link.end).toBe("nothing was heard for 4000 ms");
  });

  test("a peer that is told nothing gets a sign of life, and only then", () => {
    enter("peer");
    pass(3_000, () => (link.bytesReceived += 1));
    expect(link.signs).toBeGreaterThanOrEqual(5);
    expect(link.signs).toBeLessThanOrEqual(6);
    const before = link.signs;
    pass(3_000, () => {
      link.bytesReceived += 1;
      link.framesQueued += 1;
    });
    expect(link.signs).toBe(before);
  });

  test("P52: after a pause of the process no link is blamed for the silence", () => {
    enter("peer");
    link.isMidFrame = true;
    link.queuedBytes = 1;
    nowMs += 3_600_000;
    watch.sweep(nowMs);
    expect(link.end).toBeNull();
    nowMs += 3_600_000;
    watch.sweep(nowMs);
    expect(link.end).toBeNull();
  });
});

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
])("sweeps that come %i intervals apart count as %i: a late one counts in full, a pause does not", (apart, counted) => {
  const sweeps = times.handshakeTimeoutMs / times.sweepMs / counted;
  const sweep = (): void => watch.sweep((nowMs += apart * times.sweepMs));
  for (let count = 0; count < sweeps; count++) sweep();
  expect(link.end).toBeNull();
  sweep();
  expect(link.end).toContain("within 1000 ms");
});

test("a link that is removed is left alone", () => {
  watch.remove(link as unknown as Link);
  pass(10_000);
  expect(link.end).toBeNull();
  expect(watch.size).toBe(0);
});
