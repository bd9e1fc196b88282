// P54: strangers who connect and say nothing keep no other address from being heard.
import { expect, test } from "bun:test";
import { UnknownLinks } from "../../../src/adapters/tls/unknown-links.ts";

function setUp(countMax: number) {
  const dropped: string[] = [];
  const links = new UnknownLinks(countMax);
  const add = (name: string, remoteAddress: string) => {
    const link = { remoteAddress, drop: () => void dropped.push(name) };
    links.add(link);
    return link;
  };
  return { dropped, links, add };
}

test("no connection is dropped while there are as many as may be", () => {
  const { dropped, add } = setUp(3);
  for (const name of ["1", "2", "3"]) add(name, "a");
  expect(dropped).toEqual([]);
});

test("one more drops the oldest connection of the address with most", () => {
  const { dropped, add } = setUp(4);
  add("honest", "b");
  for (const name of ["1", "2", "3", "4", "5"]) add(name, "a");
  expect(dropped).toEqual(["1", "2"]);
});

test("a flood of connections from one address never drops that of another", () => {
  const { dropped, add } = setUp(8);
  add("honest", "b");
  for (let nth = 0; nth < 1_000; nth++) add("stranger", "a");
  expect(new Set(dropped)).toEqual(new Set(["stranger"]));
  expect(dropped.length).toBe(1_001 - 8);
});

test("who has introduced itself, or is gone, counts no more", () => {
  const { dropped, links, add } = setUp(2);
  const first = add("1", "a");
  add("2", "a");
  links.remove(first);
  add("3", "a");
  expect(dropped).toEqual([]);
});

test("of addresses that have as many, that of the oldest connection loses one: a new address is heard", () => {
  const { dropped, add } = setUp(3);
  for (const address of ["a", "b", "c", "d", "e"]) add(`of ${address}`, address);
  expect(dropped).toEqual(["of a", "of b"]);
});
