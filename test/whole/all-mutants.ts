// All mistakes that the simulation of whole nodes has to find.
import { clientMutants } from "./client-mutants.ts";
import { copyMutants } from "./copy-mutants.ts";
import { logMutants } from "./log-mutants.ts";
import { markMutants } from "./mark-mutants.ts";
import { membershipMutants } from "./membership-mutants.ts";
import { type WholeMutant, wholeMutants } from "./mutants.ts";
import { readMutants } from "./read-mutants.ts";
import { troubleMutants } from "./trouble-mutants.ts";
import { versionMutants } from "./version-mutants.ts";
import { votingMutants } from "./voting-mutants.ts";
import { wakeMutants } from "./wake-mutants.ts";

export const allMutants: readonly WholeMutant[] = [
  ...wholeMutants,
  ...votingMutants,
  ...logMutants,
  ...markMutants,
  ...membershipMutants,
  ...clientMutants,
  ...troubleMutants,
  ...readMutants,
  ...versionMutants,
  ...wakeMutants,
  ...copyMutants,
];
