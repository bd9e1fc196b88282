// Which seeds catch a mutant, by which rule, and in how many events? For the seeds that are recorded in the mutants, and to see whether
// the simulation has become better or worse at finding mistakes.
//   bun run mutants --seeds 40 --from 1000           each mutant, by 40 seeds from 1000 on
//   bun run mutants --seeds 40 --only P5 --events 3000
import { parseArgs } from "node:util";
import { allMutants } from "./all-mutants.ts";
import { eventsMax, type LoadedMutant, loadWholeMutant, type WholeMutant } from "./mutants.ts";

interface Catch {
  readonly seed: number;
  readonly events: number;
  readonly rule: string;
}

interface Run {
  readonly from: number;
  readonly seeds: number;
  /** Null: those that the mutant names. */
  readonly events: number | null;
  readonly secondsMax: number;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new RangeError(`${text} is no whole number`);
  return Number(text);
}

function* catches({ violationOf }: LoadedMutant, mutant: WholeMutant, run: Run): Generator<Catch | null> {
  const endMs = performance.now() + run.secondsMax * 1000;
  for (let seed = run.from; seed < run.from + run.seeds && performance.now() < endMs; seed++) {
    const violation = violationOf(seed, run.events ?? mutant.events ?? eventsMax);
    yield violation === null ? null : { seed, events: violation.events, rule: ruleOf(violation.details) };
  }
}

const ruleOf = (details: string): string =>
  (details.split("\n", 1)[0] ?? "")
    .replace(/n\d+@\w+/g, "N")
    .replace(/\d+/g, "#")
    .slice(0, 120);

async function measure(mutant: WholeMutant, run: Run): Promise<void> {
  const loaded = await loadWholeMutant(mutant);
  try {
    const tried = [...catches(loaded, mutant, run)];
    const caught = tried.filter((each) => each !== null).sort((one, other) => one.events - other.events);
    const quickest = caught.slice(0, 3).map(({ seed, events }) => `seed ${seed} in ${events} events`);
    console.log([`${caught.length} of ${tried.length} seeds: ${mutant.name}`, ...quickest].join("; "));
    const rules = Map.groupBy(caught, ({ rule }) => rule);
    for (const [rule, of] of rules) console.log(`  ${of.length}: ${rule}`);
  } finally {
    loaded.dispose();
  }
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "40" },
    from: { type: "string", default: "0" },
    events: { type: "string" },
    seconds: { type: "string", default: "60" },
    only: { type: "string", default: "" },
  },
});
const run: Run = {
  from: wholeNumber(values.from),
  seeds: wholeNumber(values.seeds),
  events: values.events === undefined ? null : wholeNumber(values.events),
  secondsMax: wholeNumber(values.seconds),
};
for (const mutant of allMutants) if (mutant.name.includes(values.only)) await measure(mutant, run);
