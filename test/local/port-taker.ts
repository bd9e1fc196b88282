// A process of its own that takes ports: `port-taker.ts LOWEST HIGHEST COUNT` prints them as a line of JSON, and stays until its
// standard input ends or it is killed.
import { writeSync } from "node:fs";
import { findFreePorts } from "../../src/local/free-ports.ts";

const [lowest = 0, highest = 0, count = 0] = process.argv.slice(2).map(Number);
writeSync(1, `${JSON.stringify(findFreePorts(count, { lowest, highest }))}\n`);
process.stdin.resume();
