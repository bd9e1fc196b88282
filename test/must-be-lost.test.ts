// When may a node be recovered alone? Not while something answers at the addresses of so many others that they could go on together.
import { expect, test } from "bun:test";
import { mustBeLost } from "../src/compose-offline.ts";
import { genesisConfiguration } from "../src/core/genesis.ts";
import { GraftError } from "../src/errors.ts";
import { genesisOf, n1, n2, n3 } from "./core/say.ts";

function recoveryAt(addresses: readonly [string, string]): Parameters<typeof mustBeLost>[0] {
  const { members, ...rest } = genesisConfiguration(genesisOf(n1, n2, n3));
  const others = members.slice(1).map((member, at) => ({ ...member, address: addresses[at]! }));
  const configuration = { ...rest, members: [members[0]!, ...others] };
  return { configuration, self: members[0]! } as unknown as Parameters<typeof mustBeLost>[0];
}

test("the refusal names what answers, and says what to do where that is no help", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const [answering, refusing] = [`127.0.0.1:${listener.port}`, `127.0.0.1:${closed.port}`];
  closed.stop();
  try {
    const refused = await mustBeLost(recoveryAt([answering, refusing])).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GraftError);
    expect(refused).toMatchObject({
      code: "rejected",
      message:
        `n1 is not recovered: something answers at the addresses of n2 (${answering}), and with them it is more than half of the voters. ` +
        "Nothing was changed. Start n1 as it is, and nothing is lost. If the status of one of them says that it copies its log anew or is joining, " +
        "and no leader is elected: stop that node, then recover. If those are other programs: --force",
    });
  } finally {
    listener.stop(true);
  }
  expect(await mustBeLost(recoveryAt([answering, refusing]))).toBeUndefined();
});
