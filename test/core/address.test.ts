// One rule for an address, and one for a name: tables of what they take and what they refuse.
import { describe, expect, test } from "bun:test";
import { addressFault, isHost, readAddress } from "../../src/core/address.ts";
import { isMemberName, isName } from "../../src/core/name.ts";

describe("an address", () => {
  test.each([
    ["127.0.0.1:7401", "127.0.0.1", 7401],
    ["[::1]:7404", "::1", 7404],
    ["[2001:db8::7]:1", "2001:db8::7", 1],
    ["[2001:db8:0:0:0:0:0:7]:1", "2001:db8:0:0:0:0:0:7", 1],
    ["[::ffff:10.0.0.1]:7401", "::ffff:10.0.0.1", 7401],
    ["[fe80::1%eth0]:7401", "fe80::1%eth0", 7401],
    ["n1.example.org:65535", "n1.example.org", 65_535],
    ["graft_node-1:7401", "graft_node-1", 7401],
  ])("%s is one", (text, host, port) => {
    expect(readAddress(text)).toEqual({ kind: "address", address: { host, port } });
  });

  test.each([
    ["::1:7404", "needs brackets: [::1]:7404"],
    ["2001:db8:0:0:0:0:0:7:7401", "needs brackets: [2001:db8:0:0:0:0:0:7]:7401"],
    ["::1", "needs brackets and a port"],
    ["fe80::1%eth0", "needs brackets and a port"],
    ["n1", "has no port"],
    ["", "is no address"],
    ["n1:", "is no address"],
    ["n1:07401", "is no address"],
    ["n1:0", "has no port from 1 to 65535"],
    ["n1:65536", "has no port from 1 to 65535"],
    [":7401", "has no host name before its port"],
    ["n 1:7401", "has no host name before its port"],
    ["n1/x:7401", "has no host name before its port"],
    ["-n1:7401", "has no host name before its port"],
    ["n1..org:7401", "has no host name before its port"],
    [`${"n".repeat(64)}:7401`, "has no host name before its port"],
    [`${"n.".repeat(127)}org:7401`, "has no host name before its port"],
    ["10.0.0.300:7401", "has no host name before its port"],
    ["10.0.1:7401", "has no host name before its port"],
    ["[n1]:7401", "has no IPv6 address in its brackets"],
    ["[1::2::3]:7401", "has no IPv6 address in its brackets"],
    ["[1:2:3:4:5:6:7]:7401", "has no IPv6 address in its brackets"],
    ["[1:2:3:4:5:6:7:8::]:7401", "has no IPv6 address in its brackets"],
    ["[10.0.0.1::]:7401", "has no IPv6 address in its brackets"],
    ["[12345::]:7401", "has no IPv6 address in its brackets"],
  ])("%p %s", (text, fault) => {
    expect(addressFault(text)).toBe(fault);
  });

  test("with port 0 is one to listen on, where the system chooses", () => {
    expect(readAddress("[::]:0", 0)).toEqual({ kind: "address", address: { host: "::", port: 0 } });
  });

  test("a host has no brackets and no port", () => {
    expect(["n1", "::1", "10.0.0.1", "[::1]", "n1:1", "10.0.0.300"].map(isHost)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("a name", () => {
  test("has 1 to 64 letters, digits, dots, underscores or hyphens", () => {
    expect(["n1", "a.b_c-D9", "n".repeat(64)].map(isName)).toEqual([true, true, true]);
    expect(["", "n".repeat(65), "n 1", "n@1", "n/1", "é", "n1\n"].map(isName)).toEqual(new Array(7).fill(false));
  });

  test("may be that of one of its incarnations", () => {
    expect(["n1", "n1@abc"].map(isMemberName)).toEqual([true, true]);
    expect(["@", "n1@", "@abc", "n1@a@b", "n 1@a"].map(isMemberName)).toEqual(new Array(5).fill(false));
  });
});
