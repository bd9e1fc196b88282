// What is no name or address is found before a request is sent, wherever in the request it stands.
import { describe, expect, test } from "bun:test";
import { faultOfAddress, faultOfChange } from "../../src/client/faulty-names.ts";
import { noRequest } from "../../src/client/membership.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";

const added = { id: "n4", address: "n4:1", priority: null, voter: true, behindNat: false };
const incarnation = "0123456789abcdef0123456789abcdef";

describe("a change of the members", () => {
  test("has no fault when each name and address is one, in every part of it", () => {
    expect(faultOfChange(noRequest)).toBeNull();
    const all: RequestedChange = {
      add: [added, { ...added, id: "n5", address: "[::1]:7401" }],
      promote: ["n1"],
      demote: ["n2", `n2@${incarnation}`],
      remove: ["n3"],
      prioritize: [{ name: "n1", priority: 2 }],
    };
    expect(faultOfChange(all)).toBeNull();
  });

  test.each<[string, Partial<RequestedChange>, string]>([
    ["the id of an addition", { add: [added, { ...added, id: "n 5" }] }, '"n 5" is not the name of a node; use '],
    [
      "an id with an incarnation",
      { add: [{ ...added, id: `n4@${incarnation}` }] },
      `"n4@${incarnation}" is not the name`,
    ],
    ["the address of an addition", { add: [{ ...added, address: "n4" }] }, '"n4" '],
    ["a promotion", { promote: ["n1", "n/2"] }, '"n/2" is not the name of a node, nor of one of its incarnations'],
    ["a demotion", { demote: [""] }, '"" is not the name of a node, nor of one of its incarnations'],
    ["a removal", { remove: ["n1@"] }, '"n1@" is not the name of a node, nor of one of its incarnations'],
    ["a priority", { prioritize: [{ name: "n/1", priority: 1 }] }, '"n/1" is not the name of a node, nor of one of'],
  ])("has one in %s", (_, change, words) => {
    expect(faultOfChange({ ...noRequest, ...change })).toStartWith(words);
  });
});

test("the fault of an address says how one is written", () => {
  expect(faultOfAddress("10.0.0.1:7401")).toBeNull();
  for (const wrong of ["", "n1", "n1:", ":1", "n1:70000", "::1:7401"]) {
    expect(faultOfAddress(wrong)).toStartWith(`${JSON.stringify(wrong)} `);
    expect(faultOfAddress(wrong)).toEndWith("; use host:port, such as 10.0.0.1:7401 or [::1]:7401");
  }
});
