// Every check, in the order in which they run: what a later one finds is clearer when the earlier ones have passed.
import type { Check } from "./check.ts";
import { crash } from "./crash.ts";
import { engine } from "./engine.ts";
import { hosts } from "./hosts.ts";
import { place } from "./place.ts";
import { reads } from "./reads.ts";
import { repeat } from "./repeat.ts";
import { restart } from "./restart.ts";
import { restore } from "./restore.ts";
import { runs } from "./runs.ts";

export const checks: readonly Check[] = [runs, reads, repeat, restart, restore, engine, hosts, place, crash];
