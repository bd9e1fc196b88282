// Which node does a request go to next? A table of what the client has learned against the addresses that it picks.
import { expect, test } from "bun:test";
import { Route } from "../../src/client/route.ts";

const none = (): boolean => false;
const free = (): number => 0;
const next = (route: Route): string | null => route.pick(none, free);

test("the leader is asked while it is known, whoever else did not help", () => {
  const route = new Route(["a", "b", "c"]);
  route.follow("c", "answered");
  for (const address of ["b", "x"]) route.turnAwayFrom(address);
  expect(next(route)).toBe("c");
  route.turnAwayFrom("c");
  expect(next(route)).toBe("a");
});

test("a node that names another one which does not lead is not asked again before all others", () => {
  const route = new Route(["a", "b", "c", "d"]);
  // It has been removed long ago, or is cut off, and names the leader of that time; that one names another.
  for (const said of ["d", "c"]) {
    expect(next(route)).toBe(said === "d" ? "a" : "d");
    route.follow(said, "named");
  }
  expect(next(route)).toBe("c");
  route.turnAwayFrom("c");
  expect(next(route)).toBe("b");
  // One that has led is another matter: the cursor stands where it stood.
  route.follow("d", "named");
  route.follow("d", "answered");
  route.turnAwayFrom("d");
  expect(next(route)).toBe("b");
});

test("a leader that has answered stays one when it is named, and one that was only named does not become one", () => {
  const led = new Route(["a", "b", "c"]);
  led.follow("c", "answered");
  led.follow("c", "named");
  led.turnAwayFrom("c");
  expect(next(led)).toBe("a");
  const named = new Route(["a", "b", "c"]);
  named.follow("c", "named");
  named.follow("c", "named");
  named.turnAwayFrom("c");
  expect(next(named)).toBe("b");
});

test("a leader that is named after one that has answered counts as named: the node that named it is not asked next", () => {
  const route = new Route(["a", "b", "c", "d"]);
  route.follow("c", "answered");
  route.follow("d", "named");
  route.turnAwayFrom("d");
  expect(next(route)).toBe("b");
});

test("without a leader each address has its turn, and stays until it does not help", () => {
  const route = new Route(["a", "b", "c"]);
  const asked: (string | null)[] = [];
  for (let turn = 0; turn < 4; turn++) {
    asked.push(next(route), next(route));
    route.turnAwayFrom(next(route)!);
  }
  expect(asked).toEqual(["a", "a", "b", "b", "c", "c", "a", "a"]);
  // Another than the one whose turn it is moves nothing.
  route.turnAwayFrom("c");
  expect(next(route)).toBe("b");
});

test("of several addresses the one that may be dialled first is picked, and none that is avoided", () => {
  const route = new Route(["a", "b", "c"]);
  const pauses: Readonly<Record<string, number>> = { a: 300, b: 20, c: 40 };
  const pauseMs = (address: string): number => pauses[address]!;
  expect(route.pick(none, pauseMs)).toBe("b");
  expect(route.pick((address) => address === "b", pauseMs)).toBe("c");
  expect(route.pick(() => true, pauseMs)).toBeNull();
  route.follow("c", "answered");
  expect(route.pick((address) => address === "c", free)).toBe("a");
});

test("queries for any node go to each in turn, whoever leads", () => {
  const route = new Route(["a", "b", "c"]);
  route.follow("b", "answered");
  expect([0, 1, 2, 3].map(() => route.pickNext(none, free))).toEqual(["a", "b", "c", "a"]);
});

test("members that have left are forgotten; the addresses that were given stay, and so does the leader", () => {
  const route = new Route(["a", "b"]);
  route.know(["b", "c", "d"]);
  expect(route.addresses).toEqual(["a", "b", "c", "d"]);
  route.follow("e", "answered");
  expect(route.addresses).toContain("e");
  route.know(["c"]);
  expect(route.addresses).toEqual(["a", "b", "c", "e"]);
  route.turnAwayFrom("e");
  route.know(["c"]);
  expect(route.addresses).toEqual(["a", "b", "c"]);
});

test("an address that is to be tried as well counts as given", () => {
  const route = new Route(["a"]);
  route.alsoTry("b");
  route.alsoTry("b");
  route.know(["c"]);
  expect(route.addresses).toEqual(["a", "b", "c"]);
});
