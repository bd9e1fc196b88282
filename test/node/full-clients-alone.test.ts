// Whose openings are refused without an entry, from when on, and until when.
import { describe, expect, test } from "bun:test";
import { FullClients } from "../../src/node/full-clients.ts";
import type { AppliedOpenSession } from "../../src/ports/state-machine.ts";

function setUp() {
  const world: { leading: { term: number; stampMs: number } | null } = { leading: { term: 3, stampMs: 100 } };
  const clients = new FullClients(() => world.leading);
  const opening = (client: string, term = 3): AppliedOpenSession => ({
    kind: "openSession",
    index: 9,
    term,
    timeMs: 90,
    client,
    isAdmin: false,
    timeoutMs: 60,
    isAwaited: true,
  });
  const full = (client: string, { term = 3, untilMs = 150, message = "ten of ten" } = {}): void =>
    clients.onFull(opening(client, term), { kind: "full", message, untilMs });
  return { world, clients, full };
}

describe("a client that the session table has refused", () => {
  test("is full in the words of the table, alone, and up to the moment that it names", () => {
    const { world, clients, full } = setUp();
    full("a");
    full("b", { message: "two of two", untilMs: 120 });
    expect(["a", "b", "c"].map((name) => clients.whyFull(name))).toEqual(["ten of ten", "two of two", null]);
    world.leading!.stampMs = 120;
    expect(clients.whyFull("b")).toBe("two of two");
    world.leading!.stampMs = 121;
    expect(["a", "b"].map((name) => clients.whyFull(name))).toEqual(["ten of ten", null]);
  });

  test("has the words and the moment of the latest refusal", () => {
    const { world, clients, full } = setUp();
    full("a", { untilMs: 110 });
    full("a", { untilMs: 130, message: "again" });
    world.leading!.stampMs = 120;
    expect(clients.whyFull("a")).toBe("again");
  });

  test("is not full for a node that does not lead, nor in another term, nor once the moment has passed", () => {
    const { world, clients, full } = setUp();
    full("a", { untilMs: 99 });
    full("b", { term: 2 });
    full("c", { term: 4 });
    expect(["a", "b", "c"].map((name) => clients.whyFull(name))).toEqual([null, null, null]);
    world.leading = null;
    full("d");
    world.leading = { term: 3, stampMs: 100 };
    expect(clients.whyFull("d")).toBeNull();
  });

  test("is forgotten at a look in another term, and stays while others are refused", () => {
    const { world, clients, full } = setUp();
    full("a");
    full("b");
    expect(clients.whyFull("a")).toBe("ten of ten");
    world.leading = null;
    expect(clients.whyFull("a")).toBeNull();
    world.leading = { term: 3, stampMs: 100 };
    expect([clients.whyFull("a"), clients.whyFull("b")]).toEqual([null, "ten of ten"]);
  });

  test("is forgotten with all others that are full no more, when another one is refused", () => {
    const { world, clients, full } = setUp();
    full("a");
    world.leading = { term: 4, stampMs: 100 };
    full("b", { term: 4 });
    world.leading = { term: 3, stampMs: 100 };
    expect(clients.whyFull("a")).toBeNull();
  });
});

describe("a request to close a session", () => {
  test("ends what was known of its client, and of no other", () => {
    const { clients, full } = setUp();
    full("a");
    full("b");
    clients.closing("a");
    expect([clients.whyFull("a"), clients.whyFull("b")]).toEqual([null, "ten of ten"]);
    full("a");
    expect(clients.whyFull("a")).toBeNull();
  });

  test("of which the outcome is known leaves no doubt, once the last of them is answered", () => {
    const { clients, full } = setUp();
    const [first, second, third] = [clients.closing("a"), clients.closing("a"), clients.closing("a")];
    for (const over of [first, second]) {
      over(true);
      full("a");
      expect(clients.whyFull("a")).toBeNull();
    }
    third(true);
    full("a");
    expect(clients.whyFull("a")).toBe("ten of ten");
  });

  test("leaves its doubt also where a later one of its client has a known outcome", () => {
    const { clients, full } = setUp();
    clients.closing("a")(false);
    clients.closing("a")(true);
    full("a");
    expect(clients.whyFull("a")).toBeNull();
  });

  test("leaves its doubt also where its client is asked about before the next refusal", () => {
    const { clients, full } = setUp();
    clients.closing("a")(false);
    expect(clients.whyFull("a")).toBeNull();
    full("a");
    expect(clients.whyFull("a")).toBeNull();
  });

  test("leaves its doubt also while another one of its client is under way, which is answered later", () => {
    const { clients, full } = setUp();
    const [first, second] = [clients.closing("a"), clients.closing("a")];
    first(false);
    second(true);
    full("a");
    expect(clients.whyFull("a")).toBeNull();
  });

  test("that is answered twice counts once, and its first answer stands", () => {
    const { clients, full } = setUp();
    const over = clients.closing("a");
    over(true);
    over(false);
    full("a");
    expect(clients.whyFull("a")).toBe("ten of ten");
    const again = clients.closing("a");
    again(false);
    again(true);
    full("a");
    expect(clients.whyFull("a")).toBeNull();
  });

  test("of which the outcome is not known leaves a doubt for its term, and for its client", () => {
    const { world, clients, full } = setUp();
    clients.closing("a")(false);
    full("a");
    full("b");
    expect([clients.whyFull("a"), clients.whyFull("b")]).toEqual([null, "ten of ten"]);
    world.leading = { term: 4, stampMs: 100 };
    full("a", { term: 4 });
    expect(clients.whyFull("a")).toBe("ten of ten");
    // A doubt of the same term stays when another client brings one.
    clients.closing("b")(false);
    clients.closing("c")(false);
    full("b", { term: 4 });
    expect(clients.whyFull("b")).toBeNull();
    // One of an earlier term does not.
    world.leading = { term: 5, stampMs: 100 };
    clients.closing("c")(false);
    world.leading = { term: 4, stampMs: 100 };
    full("b", { term: 4 });
    expect(clients.whyFull("b")).toBe("ten of ten");
  });

  test("leaves none on a node that does not lead", () => {
    const { world, clients, full } = setUp();
    world.leading = null;
    clients.closing("a")(false);
    world.leading = { term: 3, stampMs: 100 };
    full("a");
    expect(clients.whyFull("a")).toBe("ten of ten");
  });
});
