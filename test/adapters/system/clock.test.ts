// What only the platform's clock can show: that sockets come before what was asked for soon, and time before all after
// the process was stopped.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../../src/adapters/system/clock.ts";

/** Keeps the thread busy, so that what happens meanwhile is all ready at once. */
function blockMs(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test("P52: what was asked for soon comes after the input that is ready, also when a timer asks", async () => {
  const order: string[] = [];
  const connected = Promise.withResolvers<void>();
  let open = 0;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: () => void (++open === 3 && connected.resolve()),
      data: () => void order.push("input"),
    },
  });
  const dial = () => Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
  const sockets = await Promise.all([dial(), dial(), dial()]);
  await connected.promise;
  const done = Promise.withResolvers<void>();
  systemClock.at(systemClock.nowMs() + 5, () => {
    for (const socket of sockets) socket.write("x");
    blockMs(30);
    order.push("timer");
    systemClock.soon(() => {
      order.push("soon");
      done.resolve();
    });
  });
  await done.promise;
  for (const socket of sockets) socket.end();
  listener.stop(true);
  expect(order).toEqual(["timer", "input", "input", "input", "soon"]);
});

test("P52: the clock goes on while the process is stopped", async () => {
  const clockPath = JSON.stringify(join(import.meta.dir, "../../../src/adapters/system/clock.ts"));
  const script = `
    import { systemClock } from ${clockPath};
    const beforeMs = systemClock.nowMs();
    console.log("ready");
    process.kill(process.pid, "SIGSTOP");
    console.log(systemClock.nowMs() - beforeMs);
    process.exit(0);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let output = "";
  let stoppedAtMs = 0;
  for await (const text of lines) {
    output += text;
    if (stoppedAtMs > 0 || !output.includes("ready")) continue;
    while (!isStopped(child.pid)) await Bun.sleep(1);
    stoppedAtMs = performance.now();
    while (performance.now() < stoppedAtMs + 300) await Bun.sleep(10);
    child.kill("SIGCONT");
  }
  expect(Number(output.split("\n")[1])).toBeGreaterThanOrEqual(300);
});

function isStopped(pid: number): boolean {
  const state = Bun.spawnSync(["ps", "-o", "state=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return state.startsWith("T");
}
