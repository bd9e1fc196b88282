// At which of some addresses does something listen? Where nothing answers at all, the others are told all the same.
import { expect, test } from "bun:test";
import { type knockAt, listeningAt } from "../../../src/adapters/tls/listening.ts";

test("an address that accepts a connection is named, and neither one that refuses it nor one that stays silent", async () => {
  const knock: typeof knockAt = (address) => {
    if (address === "silent:1") return new Promise(() => {});
    return Promise.resolve(address === "refusing:1" ? { kind: "vacant", reason: "it is refused" } : null);
  };
  expect(await listeningAt(["silent:1", "accepting:1", "refusing:1"], 1, knock)).toEqual(["accepting:1"]);
});
