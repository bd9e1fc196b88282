// However much one client has under way, or several, another one that comes anew finds room.
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { type OpenRequest, OpenRequests } from "../../src/node/open-requests.ts";

function fill(requests: OpenRequests, name: string, bytes: number): readonly OpenRequest[] {
  const opened: OpenRequest[] = [];
  while (requests.objection(name, bytes) === null) opened.push(requests.open(name, bytes));
  return opened;
}

test("P64: one name has half of the room at the most, and each that comes anew finds some, by count and by bytes", () => {
  for (const [bytes, half] of [
    [0, 32_768],
    [1024 * 1024, 128],
  ] as const) {
    const requests = new OpenRequests();
    const counts = ["a", "b", "c", "d"].map((name) => fill(requests, name, bytes).length);
    expect(counts).toEqual([half, half / 2, half / 4, half / 8]);
    expect(requests.objection("a", bytes)).toContain(`${half} of ${half * bytes} bytes for "a"`);
    expect(requests.objection("e", bytes)).toBeNull();
  }
});

test("what is seen through makes room, once", () => {
  const requests = new OpenRequests();
  const [first, ...others] = fill(requests, "a", 64 * 1024 * 1024);
  first!.close();
  first!.close();
  expect([requests.count, requests.bytes]).toEqual([others.length, others.length * 64 * 1024 * 1024]);
  expect(requests.objection("a", 64 * 1024 * 1024)).toBeNull();
  for (const each of others) each.close();
  expect([requests.count, requests.bytes]).toEqual([0, 0]);
});

test("what one request of a name gives back is room for as much, and what its others hold still counts", () => {
  const requests = new OpenRequests();
  const size = 32 * 1024 * 1024;
  const [first] = fill(requests, "a", size);
  first!.close();
  expect(fill(requests, "a", size)).toHaveLength(1);
});

test("a name has all of its share again once its requests are seen through, one by one and all of them", () => {
  const requests = new OpenRequests();
  const count = 32_768;
  const opened = fill(requests, "a", 0);
  for (const each of opened.slice(1)) each.close();
  expect(requests.objection("a", 256 * 1024 * 1024)).toBeNull();
  expect(fill(requests, "a", 0)).toHaveLength(count - 1);
  const other = new OpenRequests();
  for (const each of fill(other, "b", 1024 * 1024)) each.close();
  expect(fill(other, "b", 1024 * 1024)).toHaveLength(128);
  expect(other.objection("b", 0)).toBeNull();
});

test("a request as large as all of the room is taken, and none larger", () => {
  const requests = new OpenRequests();
  const all = 256 * 1024 * 1024;
  expect(requests.objection("a", all)).toBeNull();
  expect(requests.objection("a", all + 1)).not.toBeNull();
});

test("a name of which nothing is under way takes no memory, however many there have been", () => {
  const requests = new OpenRequests();
  const before = objectsAlive();
  for (let nth = 0; nth < 20_000; nth++) requests.open(`client ${nth}`, 1).close();
  expect(objectsAlive() - before).toBeLessThan(5_000);
  expect([requests.count, requests.objection("client 7", 1)]).toEqual([0, null]);
});

function objectsAlive(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts["Object"] ?? 0;
}
