// The ways of playing that the thread knows, by name.
import { crash } from "./crash.ts";
import { restart } from "./restart.ts";
import { fresh, straight } from "./straight.ts";
import { used } from "./used.ts";
import { warm } from "./warm.ts";
import { watchful } from "./watchful.ts";
import type { Way } from "./way.ts";

export type WayName = "straight" | "fresh" | "watchful" | "restart" | "used" | "warm" | "crash";

export const ways: Readonly<Record<WayName, Way>> = { straight, fresh, watchful, restart, used, warm, crash };
