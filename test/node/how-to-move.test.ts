// The command that a person is told for a member that has moved keeps the role of the member.
import { expect, test } from "bun:test";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { howToMove } from "../../src/node/how-to-move.ts";
import { genesisOf, n1, n2, n3 } from "../core/say.ts";

test("a learner is named as one, and a voter or a member of an unknown role is not", () => {
  const all = genesisConfiguration(genesisOf(n1, n2, n3));
  const configuration = { ...all, voters: [n1, n2] };
  expect(howToMove(configuration, n2, "new:1")).toBe("graft cluster add n2 new:1");
  expect(howToMove(configuration, n3, "new:1")).toBe("graft cluster add n3 new:1 --learner");
  expect(howToMove(null, n3, "new:1")).toBe("graft cluster add n3 new:1");
});
