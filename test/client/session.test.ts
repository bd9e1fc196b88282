// A command of a session takes effect once, however often its answers are lost: what the client sends, sends again, and says
// when it cannot know.
import { describe, expect, test } from "bun:test";
import { windowMax } from "../../src/client/session.ts";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { bytes, ClusterOfOne, type Fate } from "./cluster-of-one.ts";

describe("a session", () => {
  test("is opened with the first command, and shared by those that come meanwhile", async () => {
    const cluster = new ClusterOfOne();
    const client = cluster.client();
    expect(await Promise.all(["x", "y", "z"].map((word) => cluster.told(client.command(bytes(word)))))).toEqual([
      "x",
      "y",
      "z",
    ]);
    await cluster.told(client.command(bytes("w")));
    expect(cluster.asked.map((each) => each.slice(4))).toEqual(["openSession", "x", "y", "z", "w"]);
    await cluster.time.until(client.close());
    expect(cluster.asked.at(-1)).toEndWith("closeSession");
  });

  test("is not opened by a client that only asks, nor by one that wants none", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = () => "silent";
    const client = cluster.client({ session: "none", timeoutMs: 50 });
    expect(await cluster.told(client.command(bytes("x")))).toBe("outcome-unknown");
    expect(await cluster.told(client.query(bytes("x")))).toBe("unavailable");
    await cluster.time.until(client.close());
    expect(cluster.asked.filter((each) => each.includes("Session"))).toEqual([]);
  });

  test("whose opening was not answered is opened again: nothing has happened", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = (word, nth) => (word === "openSession" && nth < 3 ? "lostAfter" : "answered");
    const client = cluster.client();
    expect(await cluster.told(client.command(bytes("x")))).toBe("x");
    expect(cluster.applied).toEqual(["x"]);
    await cluster.time.until(client.close());
  });

  test("that cannot be opened in time leaves every command unsent, for one reason", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = () => "notLeader";
    const client = cluster.client();
    // Whenever they come and whenever they are due, between two sweeps or at one.
    const answers: Promise<string>[] = [];
    for (let at = 0; at < 60; at++) {
      answers.push(cluster.failure(client.command(bytes(`w${at}`), { timeoutMs: 40 + at })));
      await cluster.time.pass(3);
    }
    expect(new Set(await Promise.all(answers))).toEqual(
      new Set(["unavailable: not answered in time: no session was opened: so it was told"]),
    );
    expect(cluster.applied).toEqual([]);
    await cluster.time.until(client.close());
  });

  test("that cannot be opened in time for one command is opened for one that has more time", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = () => "notLeader";
    const client = cluster.client();
    const hasty = client.command(bytes("y"), { timeoutMs: 50 });
    const patient = client.command(bytes("z"));
    expect(await cluster.told(hasty)).toBe("unavailable");
    cluster.fateOf = () => "answered";
    expect(await cluster.told(patient)).toBe("z");
    expect(cluster.applied).toEqual(["z"]);
    await cluster.time.until(client.close());
  });

  test("is of use to a command behind one whose time has run out while it was opened", async () => {
    const answers: string[] = [];
    for (let timeoutMs = 40; timeoutMs <= 120; timeoutMs++) {
      const cluster = new ClusterOfOne();
      const beganMs = cluster.time.nowMs();
      cluster.fateOf = () => (cluster.time.nowMs() - beganMs < 60 ? "notLeader" : "answered");
      const client = cluster.client();
      const hasty = cluster.told(client.command(bytes("y"), { timeoutMs }));
      answers.push(await cluster.told(client.command(bytes("z"))));
      await hasty;
      await cluster.time.until(client.close());
    }
    expect(new Set(answers)).toEqual(new Set(["z"]));
  });

  test.each([0, 999, 1000.5, Number.NaN, 86_400_001])("cannot have a timeout of %p", (timeoutMs) => {
    expect(() => new ClusterOfOne().client({ session: { timeoutMs } })).toThrow("no timeout of a session");
  });
});

describe("P25: a command whose answer is lost is sent again, and takes effect once", () => {
  const fates: readonly Fate[] = ["lostBefore", "lostAfter", "unknownAfter"];
  test.each(fates)("%s", async (fate) => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = (word, nth) => (word === "openSession" || nth > 2 ? "answered" : fate);
    const client = cluster.client();
    expect(await cluster.told(client.command(bytes("x")))).toBe("x");
    expect(cluster.applied).toEqual(["x"]);
    expect(cluster.asked.filter((each) => each.endsWith(" x"))).toHaveLength(3);
    await cluster.time.until(client.close());
  });

  test("a refusal whose answer was lost is the same refusal", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = (word, nth) => (word === "openSession" || nth > 1 ? "answered" : "lostAfter");
    const client = cluster.client();
    expect(await cluster.told(client.command(bytes("refuse")))).toBe("rejected");
    expect(cluster.applied).toEqual(["refuse"]);
    await cluster.time.until(client.close());
  });

  test("also when the node is frozen: another one is asked", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = (word, nth) => (word === "x" && nth === 1 ? "silentAfter" : "answered");
    const client = cluster.client({ timeoutMs: 600 });
    expect(await cluster.told(client.command(bytes("x")))).toBe("x");
    expect(cluster.applied).toEqual(["x"]);
    expect(new Set(cluster.asked.filter((each) => each.endsWith(" x")))).toEqual(new Set(["a:1 x", "b:1 x"]));
    await cluster.time.until(client.close());
  });

  test("many at once, each answered with its own", async () => {
    const cluster = new ClusterOfOne();
    let draw = 7;
    cluster.fateOf = (word) => {
      if (word === "openSession") return "answered";
      draw = (draw * 1_103_515_245 + 12_345) % 2 ** 31;
      return (["answered", "answered", "answered", "lostAfter", "unknownAfter", "lostBefore"] as const)[draw % 6]!;
    };
    const client = cluster.client({ timeoutMs: 10_000 });
    const words = Array.from({ length: 300 }, (_, at) => `w${at}`);
    expect(await Promise.all(words.map((word) => cluster.told(client.command(bytes(word)))))).toEqual(words);
    expect(cluster.applied.toSorted()).toEqual(words.toSorted());
    await cluster.time.until(client.close());
  });

  test("when time runs out its outcome is unknown", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = (word) => (word === "openSession" ? "answered" : "lostAfter");
    const client = cluster.client({ timeoutMs: 200 });
    expect(await cluster.failure(client.command(bytes("x")))).toBe(
      "outcome-unknown: not answered in time: connection reset",
    );
    expect(cluster.applied).toEqual(["x"]);
    await cluster.time.until(client.close());
  });
});

describe("a session that has expired", () => {
  test("is replaced, and the command that met it takes effect in the new one", async () => {
    const cluster = new ClusterOfOne();
    const client = cluster.client({ session: { timeoutMs: 1000 } });
    await cluster.told(client.command(bytes("x")));
    cluster.stampMs = 5000;
    expect(await Promise.all(["y", "z"].map((word) => cluster.told(client.command(bytes(word)))))).toEqual(["y", "z"]);
    expect(cluster.applied).toEqual(["x", "y", "z"]);
    expect(cluster.asked.filter((each) => each.endsWith("openSession"))).toHaveLength(2);
    await cluster.time.until(client.close());
  });

  test("leaves in doubt a command that had been sent before: it is not sent in another", async () => {
    const cluster = new ClusterOfOne();
    const client = cluster.client({ session: { timeoutMs: 1000 } });
    await cluster.told(client.command(bytes("x")));
    cluster.fateOf = (word, nth) => {
      if (word !== "y" || nth > 1) return "answered";
      // The cluster is gone for longer than the session lives.
      queueMicrotask(() => (cluster.stampMs = 5000));
      return "lostAfter";
    };
    expect(await cluster.failure(client.command(bytes("y")))).toStartWith(
      "outcome-unknown: one copy was sent and its answer was lost; another copy: ",
    );
    expect(cluster.applied).toEqual(["x", "y"]);
    await cluster.time.until(client.close());
  });

  test("at once and again is given up: nothing has happened", async () => {
    const cluster = new ClusterOfOne();
    cluster.fateOf = () => {
      cluster.stampMs += 100_000;
      return "answered";
    };
    const client = cluster.client({ session: { timeoutMs: 1000 } });
    expect(await Promise.all(["x", "y"].map((word) => cluster.told(client.command(bytes(word)))))).toEqual([
      "unavailable",
      "unavailable",
    ]);
    expect(cluster.applied).toEqual([]);
    expect(cluster.asked.length).toBeLessThan(20);
    await cluster.time.until(client.close());
  });
});

test.each([
  [3, "x"],
  [4, "unavailable"],
])("a command that meets %i sessions that have expired: %s", async (expired, told) => {
  const cluster = new ClusterOfOne();
  cluster.fateOf = (word, nth) => {
    if (word === "x" && nth <= expired) cluster.stampMs += 100_000;
    return "answered";
  };
  const client = cluster.client({ session: { timeoutMs: 1000 } });
  expect(await cluster.told(client.command(bytes("x")))).toBe(told);
  expect(cluster.asked.filter((each) => each.endsWith(" x"))).toHaveLength(4);
  await cluster.time.until(client.close());
});

test("a command that waited for a place is sent when those before it are given up with their sessions", async () => {
  const cluster = new ClusterOfOne();
  const client = cluster.client({ session: { timeoutMs: 1000 } });
  const words = Array.from({ length: windowMax }, (_, at) => `w${at}`);
  let late: Promise<string> | null = null;
  cluster.fateOf = (word, nth) => {
    if (word === "w0") cluster.stampMs += 100_000;
    // All places of their last session are taken when it comes.
    if (word === "w0" && nth === 4) late = cluster.told(client.command(bytes("late")));
    return "answered";
  };
  const codes = await Promise.all(words.map((word) => cluster.told(client.command(bytes(word)))));
  expect(new Set(codes)).toEqual(new Set(["unavailable"]));
  expect(await late!).toBe("late");
  expect(cluster.applied).toEqual(["late"]);
  await cluster.time.until(client.close());
});

test("commands that meet the end of their session one after the other are all sent in the next one", async () => {
  const cluster = new ClusterOfOne();
  const client = cluster.client({ session: { timeoutMs: 1000 } });
  await cluster.told(client.command(bytes("x")));
  cluster.stampMs = 5000;
  // The second one hears of it when the first one has its new session, where nothing is under way any more.
  let hold: (() => void) | null = null;
  cluster.fateOf = (word, nth) => (word === "z" && nth === 1 ? "held" : "answered");
  cluster.onHeld = (release) => (hold = release);
  const [y, z] = [client.command(bytes("y")), client.command(bytes("z"))];
  expect(await cluster.told(y)).toBe("y");
  hold!();
  expect(await cluster.told(z)).toBe("z");
  expect(await cluster.told(client.command(bytes("w")))).toBe("w");
  expect(cluster.applied).toEqual(["x", "y", "z", "w"]);
  expect(cluster.asked.filter((asked) => asked.endsWith(" openSession"))).toHaveLength(2);
  await cluster.time.until(client.close());
});

describe("P68: in a cluster founded anew under its name", () => {
  test("no command takes effect: it is another cluster, and one that was sent before is in doubt", async () => {
    const cluster = new ClusterOfOne();
    const client = cluster.client();
    await cluster.told(client.command(bytes("x")));
    cluster.fateOf = (word) => {
      if (word !== "y") return "answered";
      cluster.foundAnew();
      return "lostBefore";
    };
    expect(await cluster.told(client.command(bytes("y")))).toBe("outcome-unknown");
    expect(await cluster.failure(client.command(bytes("z")))).toStartWith(
      "wrong-cluster: the node at a:1 belongs to another cluster of the same name (uuid c2, not c1)",
    );
    expect(cluster.applied).toEqual(["x"]);
    expect(client.otherClusters).toEqual([
      { address: "b:1", clusterUuid: "c2" },
      { address: "a:1", clusterUuid: "c2" },
    ]);
    await cluster.time.until(client.close());
    const next = cluster.client();
    expect(await cluster.told(next.command(bytes("w")))).toBe("w");
    await cluster.time.until(next.close());
  });
});

test("no more commands are under way than the nodes keep outcomes for; the others wait for their turn", async () => {
  expect(windowMax).toBe(sessionLimits.windowMax);
  const cluster = new ClusterOfOne();
  let isFirstHeld = true;
  cluster.fateOf = (word) => (word === "w0" && isFirstHeld ? "silent" : "answered");
  const client = cluster.client({ timeoutMs: 900 });
  const words = Array.from({ length: windowMax + 100 }, (_, at) => `w${at}`);
  const answers = words.map((word) => cluster.told(client.command(bytes(word))));
  await cluster.time.until(answers[windowMax - 1]!);
  expect(cluster.applied).toHaveLength(windowMax - 1);
  // The first one is asked of another node before long, and then there is room.
  isFirstHeld = false;
  expect(await Promise.all(answers)).toEqual(words);
  expect(cluster.applied).toHaveLength(windowMax + 100);
  await cluster.time.until(client.close());
});

test("closing rejects what is under way, and does not wait for a cluster that is gone", async () => {
  const cluster = new ClusterOfOne();
  const client = cluster.client();
  await cluster.told(client.command(bytes("x")));
  cluster.fateOf = () => "silent";
  const underWay = cluster.told(client.command(bytes("y")));
  const began = cluster.time.nowMs();
  const closed = client.close();
  expect(await underWay).toBe("outcome-unknown");
  expect(await cluster.told(client.command(bytes("z")))).toBe("unavailable");
  await cluster.time.until(closed);
  expect(cluster.time.nowMs() - began).toBeLessThan(300);
});

test("closing waits until the cluster has heard of it, and so does closing again", async () => {
  const cluster = new ClusterOfOne();
  const client = cluster.client();
  await cluster.told(client.command(bytes("x")));
  cluster.fateOf = () => "held";
  cluster.onHeld = (release) => void cluster.time.at(cluster.time.nowMs() + 150, release);
  const began = cluster.time.nowMs();
  const closed = [client.close(), client.close()].map(async (closing) => {
    await cluster.time.until(closing);
    return cluster.time.nowMs() - began;
  });
  for (const ms of await Promise.all(closed)) {
    expect(ms).toBeGreaterThanOrEqual(150);
    expect(ms).toBeLessThan(200);
  }
  // Another node is asked as well after a third of the time.
  expect(cluster.asked.filter((each) => each.endsWith("Session")).map((each) => each.slice(0, 3))).toEqual([
    "a:1",
    "a:1",
    "b:1",
  ]);
});

test("commands that were given up before they reached the log leave their places to others", async () => {
  const cluster = new ClusterOfOne();
  const client = cluster.client();
  cluster.fateOf = (word, nth) => (word === "openSession" && nth === 1 ? "notLeader" : "answered");
  expect(await cluster.told(client.command(bytes("first")))).toBe("first");
  cluster.fateOf = () => "silent";
  const words = Array.from({ length: windowMax + 10 }, (_, at) => `w${at}`);
  const givenUp = words.map((word) => client.command(bytes(word), { timeoutMs: 60 }));
  const codes = await Promise.all(givenUp.map((answer) => cluster.told(answer)));
  // The last ones found no place, and were never sent.
  expect(new Set(codes.slice(0, windowMax))).toEqual(new Set(["outcome-unknown"]));
  expect(new Set(codes.slice(windowMax))).toEqual(new Set(["unavailable"]));
  const unsent = await givenUp.at(-1)!.catch((error: unknown) => error as Error);
  expect(unsent).toHaveProperty("message", "not answered in time: 1024 commands of this client were under way");
  expect(unsent).not.toHaveProperty("cause");
  const asked = new Set(cluster.asked.map((each) => each.slice(4)));
  expect(words.filter((word) => !asked.has(word))).toEqual(words.slice(windowMax));
  cluster.fateOf = () => "answered";
  for (const word of ["x", "y"]) expect(await cluster.told(client.command(bytes(word)))).toBe(word);
  expect(cluster.applied).toEqual(["first", "x", "y"]);
  expect(cluster.asked.filter((each) => each.endsWith("openSession"))).toHaveLength(2);
  await cluster.time.until(client.close());
});

test("one command without an answer among many more than there are places: all the others are answered in turn", async () => {
  const cluster = new ClusterOfOne();
  let release: () => void = () => {};
  cluster.fateOf = (word) => (word === "slow" ? "held" : "answered");
  cluster.onHeld = (answer) => (release = answer);
  const client = cluster.client({ timeoutMs: 60_000 });
  const words = Array.from({ length: 3 * windowMax }, (_, at) => `w${at}`);
  const before = words.slice(0, 2 * windowMax - 5).map((word) => cluster.told(client.command(bytes(word))));
  await Promise.all(before);
  const slow = cluster.told(client.command(bytes("slow")));
  const after = words.slice(2 * windowMax - 5).map((word) => cluster.told(client.command(bytes(word))));
  expect(await Promise.all(after.slice(0, windowMax - 1))).toEqual(words.slice(2 * windowMax - 5, 3 * windowMax - 6));
  expect(cluster.applied).toHaveLength(3 * windowMax - 6 + 1);
  release();
  expect(await slow).toBe("slow");
  expect(await Promise.all(after)).toEqual(words.slice(2 * windowMax - 5));
  await cluster.time.until(client.close());
});
