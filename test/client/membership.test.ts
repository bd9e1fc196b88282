// Whether a configuration is as an administrator wanted it: a change that was begun by a leader that is gone.
import { describe, expect, test } from "bun:test";
import { isSo, noRequest } from "../../src/client/membership.ts";

const member = (
  id: string,
  more: { voter?: boolean; outgoing?: boolean; address?: string; incarnation?: string } = {},
) => ({
  id,
  incarnation: "a",
  address: `${id}:1`,
  voter: true,
  outgoing: false,
  priority: 0,
  ...more,
});
const three = { members: [member("n1"), member("n2"), member("n3")] };
const adding = { ...noRequest, add: [{ id: "n3", address: "n3:1", priority: null, voter: true, behindNat: false }] };

describe("a change that is complete", () => {
  test("an addition: the node votes, alone under its name, at that address", () => {
    expect(isSo(adding, three)).toBe(true);
    expect(isSo(adding, { members: [member("n1"), member("n3", { voter: false })] })).toBe(false);
    expect(isSo(adding, { members: [member("n1"), member("n3", { address: "elsewhere:1" })] })).toBe(false);
    expect(isSo(adding, { members: [member("n3"), member("n3", { incarnation: "b", voter: false })] })).toBe(false);
    expect(isSo(adding, { members: [member("n1")] })).toBe(false);
  });

  test("not while a joint phase lasts", () => {
    expect(isSo(adding, { members: [...three.members.slice(1), member("n1", { outgoing: true })] })).toBe(false);
  });

  test("a removal, a promotion, a demotion, a priority", () => {
    expect(isSo({ ...noRequest, remove: ["n4"] }, three)).toBe(true);
    expect(isSo({ ...noRequest, remove: ["n3"] }, three)).toBe(false);
    expect(isSo({ ...noRequest, promote: ["n3"] }, three)).toBe(true);
    expect(isSo({ ...noRequest, demote: ["n3"] }, three)).toBe(false);
    expect(isSo({ ...noRequest, prioritize: [{ name: "n3", priority: 1 }] }, three)).toBe(false);
  });
});
