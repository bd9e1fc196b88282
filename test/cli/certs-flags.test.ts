// What is typed about the nodes that certificates are for: where clients find each of them is an address by the one rule.
import { expect, test } from "bun:test";
import { nodesOf } from "../../src/cli/certs-flags.ts";

test("a node's address is the first of its hosts that is one", () => {
  const addressOf = (typed: string): string | null => nodesOf([typed])[0]?.address ?? null;
  expect(addressOf("n1=n1.example.org,10.0.0.1:7401,10.0.0.2:7401")).toBe("10.0.0.1:7401");
  expect(addressOf("n1=[::1]:7401")).toBe("[::1]:7401");
  // An IPv6 address, and no port.
  expect(addressOf("n1=::1:7401")).toBeNull();
  expect(addressOf("n1=10.0.0.1:99999")).toBeNull();
});
