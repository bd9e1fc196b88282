// Plays the steps one after the other, on a new state machine of a module that others have used before, or of a new module.
import { playOn, type Way } from "./way.ts";

export const straight: Way = ({ shared }, steps) => playOn(shared(), steps);

export const fresh: Way = (machines, steps) => playOn(machines.fresh(), steps);
