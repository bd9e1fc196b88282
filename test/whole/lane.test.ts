// Does a direction of a simulated connection keep the order of what it carries, and hold it while it is cut?
import { beforeEach, expect, test } from "bun:test";
import { Lane } from "../../src/sim/lane.ts";
import { Schedule } from "../../src/sim/schedule.ts";

let schedule: Schedule;
let isCut: boolean;
let holdings: number;
let arrived: string[];
let lane: Lane;

beforeEach(() => {
  schedule = new Schedule();
  isCut = false;
  holdings = 0;
  arrived = [];
  lane = new Lane({ schedule, delayMs: () => 10, isCut: () => isCut, onHeld: () => void holdings++ });
});

const carry = (what: string, delayMs?: number): void => lane.carry(() => void arrived.push(what), delayMs);
const runAll = (): void => {
  while (schedule.runNext());
};

test("what is sent later never arrives before", () => {
  carry("first", 10);
  carry("second", 1);
  runAll();
  expect(arrived).toEqual(["first", "second"]);
});

test("what arrives while it is cut is held, and said to be held once", () => {
  isCut = true;
  carry("first");
  carry("second");
  runAll();
  expect([arrived, lane.held, holdings]).toEqual([[], 2, 1]);
});

test("what was held arrives before what was under way when the cut ended", () => {
  isCut = true;
  carry("held", 1);
  carry("under way", 20);
  schedule.runNext();
  isCut = false;
  lane.release();
  runAll();
  expect(arrived).toEqual(["held", "under way"]);
  expect(lane.held).toBe(0);
});

test("what goes on into another cut is held again", () => {
  isCut = true;
  carry("first");
  runAll();
  lane.release();
  runAll();
  expect([arrived, lane.held, holdings]).toEqual([[], 1, 2]);
});
