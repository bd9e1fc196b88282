// One seed: the same writes go to SQLite on files and to the model of the disk. At random points the process ends, the power is cut, or
// the disk fails. What was left is looked at (look.ts), and the node goes on with it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { GraftError } from "../../../../src/errors.ts";
import { createMemoryLogStore, type MemoryLogStore } from "../../../../src/sim/memory/log-store.ts";
import {
  createMemoryDisk,
  dataOn,
  type MemoryData,
  type MemoryDisk,
  type MemoryMark,
} from "../../../../src/sim/memory/memory-disk.ts";
import { loweredMark, markOf } from "../../../../src/sim/memory/memory-mark.ts";
import { PowerDisk } from "../../../doubles/power-disk.ts";
import { type Draw, drawFrom } from "../random-writes.ts";
import { drawWrite } from "./drawn-writes.ts";
import { copyOf, faults, marksIn, type Past } from "./faults.ts";
import { type Chosen, crashed, type Disks, type Figures, type Left, Look, opening } from "./look.ts";

const lives = 5;
const writesALife = 14;
const pastsMax = 8;
const failingCalls = ["write graft.sqlite-wal", "sync graft.sqlite-wal", "write graft.mark", "sync graft.mark"];

export function compareSeed(seed: number, figures: Figures): void {
  const folder = mkdtempSync(join(tmpdir(), "graft-disk-model-"));
  using files = new PowerDisk();
  const draw = drawFrom(seed);
  try {
    new Comparison({ files, draw, figures, look: new Look({ folder, files, draw, figures }) }).run();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    files.watch(null);
    rmSync(folder, { recursive: true });
  }
}

interface Modules {
  readonly files: PowerDisk;
  readonly draw: Draw;
  readonly figures: Figures;
  readonly look: Look;
}

class Comparison {
  readonly #files: PowerDisk;
  readonly #draw: Draw;
  readonly #figures: Figures;
  readonly #look: Look;
  #store!: LogStore;
  #model!: MemoryLogStore;
  #disk!: MemoryDisk;
  #history: MemoryData[] = [];
  readonly #begun: MemoryData[] = [];
  readonly #marks: MemoryMark[] = [];
  readonly #pasts: Past[] = [];
  #left: Left[] = [];
  #isWithinWrite = false;
  #isStart = false;

  constructor({ files, draw, figures, look }: Modules) {
    this.#files = files;
    this.#draw = draw;
    this.#figures = figures;
    this.#look = look;
  }

  run(): void {
    let chosen: Chosen | undefined = {
      image: new Map(),
      disks: [createMemoryDisk("")],
      bootId: "boot 0",
      outcome: "starts",
      isSound: true,
    };
    for (let life = 0; life < lives && chosen !== undefined; life++) {
      this.#start(chosen);
      chosen = this.#live();
    }
  }

  #start({ image, disks, bootId }: Chosen): void {
    const dataDir = this.#look.put(image);
    this.#files.watch(dataDir);
    this.#files.bootId = bootId;
    this.#isStart = true;
    this.#during(
      12,
      () => opening(disks),
      () => (this.#store = this.#look.open(dataDir)),
    );
    this.#isStart = false;
    this.#lookAtLeft();
    const disk = disks[0]!;
    this.#disk = disk.incarnation === "" ? createMemoryDisk(this.#store.saved.incarnation) : copyOf(disk);
    this.#model = createMemoryLogStore({ incarnation: "", disk: this.#disk });
    this.#history = [dataOn(this.#disk)];
    this.#begun.push(dataOn(this.#disk));
    this.#marks.push(markOf(this.#disk));
  }

  /** Returns a disk to go on with, if there is one. */
  #live(): Chosen | undefined {
    const chosen: Chosen[] = [];
    for (let count = 1 + this.#draw(writesALife); count > 0; count--) {
      this.#write();
      if (this.#draw(4) === 0)
        this.#during(
          9,
          () => this.#asItIs(),
          () => this.#store.reclaim(),
        );
      if (this.#draw(3) === 0) this.#remember();
      chosen.push(...this.#lookAtLeft());
    }
    this.#end();
    chosen.push(...this.#lookAtLeft());
    return chosen[chosen.length - 1 - this.#draw(Math.min(4, chosen.length))];
  }

  #remember(): void {
    this.#pasts.push({ image: this.#files.now(), disk: copyOf(this.#disk), history: this.#history.slice() });
    if (this.#pasts.length > pastsMax) this.#pasts.shift();
  }

  /** Runs `work`, and draws moments at which everything stops. `disksNow` is asked at each of them. */
  #during(oneIn: number, disksNow: () => Disks, work: () => unknown): void {
    this.#files.onStep = () => {
      if (this.#draw(oneIn) === 0) this.#leave(disksNow());
    };
    try {
      work();
    } finally {
      this.#files.onStep = () => {};
    }
  }

  #leave(disks: Disks): void {
    const end = this.#draw(3) === 0 ? "the process ends" : "the power is cut";
    const image = end === "the process ends" ? this.#files.now() : this.#files.left(this.#draw);
    const reaches = marksIn(image).map(({ last }) => last.index);
    const [history, begun, marks] = [this.#history.slice(), this.#begun.slice(), this.#marks.slice()];
    const [isWithinWrite, isStart] = [this.#isWithinWrite, this.#isStart];
    this.#left.push({ end, isWithinWrite, isStart, image, disks: disks(end, reaches), history, begun, marks });
  }

  /** Nothing is being written. */
  #asItIs = (): Disks => crashed(this.#disk, [], [0]);

  #write(): void {
    this.#figures.writes++;
    const drawn = drawWrite(this.#disk, this.#draw);
    const [effects, modelled] = [drawn(this.#store), drawn(this.#model)];
    let arrived: readonly (0 | 1)[] = [0, 1];
    this.#isWithinWrite = true;
    const onDurable = (): void => {
      arrived = [1];
      this.#isWithinWrite = false;
      this.#files.onStep();
    };
    this.#during(
      9,
      () => crashed(this.#disk, modelled, arrived),
      () => this.#store.write(effects, onDurable),
    );
    const lowered = loweredMark(this.#disk, modelled);
    this.#model.write(modelled, () => {});
    this.#model.flushAll();
    this.#history.push(dataOn(this.#disk));
    this.#marks.push(...(lowered === null ? [] : [lowered]), markOf(this.#disk));
  }

  /** It is closed, or its disk fails, or it is left as it is. */
  #end(): void {
    const how = this.#draw(3);
    if (how === 0)
      return this.#during(
        3,
        () => this.#asItIs(),
        () => this.#store.close(),
      );
    if (how === 1) return this.#fail();
    this.#leave(this.#asItIs());
    this.#files.aside(() => this.#store.close());
  }

  /** One call fails, and then none. The write may be there at the next start. Nothing tries it again, not even the closing. */
  #fail(): void {
    const drawn = drawWrite(this.#disk, this.#draw);
    const [effects, modelled] = [drawn(this.#store), drawn(this.#model)];
    const call = failingCalls[this.#draw(failingCalls.length)]!;
    let countdown = this.#draw(4);
    let arrived: readonly (0 | 1)[] = [0, 1];
    const disksNow = (): Disks => crashed(this.#disk, modelled, arrived);
    this.#isWithinWrite = true;
    const onDurable = (): void => {
      arrived = [1];
      this.#isWithinWrite = false;
    };
    this.#files.fails = (each) => each === call && countdown-- === 0;
    this.#during(9, disksNow, () => orFail(() => this.#store.write(effects, onDurable)));
    this.#during(3, disksNow, () => orFail(() => this.#store.close()));
    this.#files.fails = () => false;
    this.#leave(disksNow());
    this.#isWithinWrite = false;
  }

  /** Each is looked at as it is, and half of them with a fault besides. Returns those that can be gone on with. */
  #lookAtLeft(): Chosen[] {
    const left = this.#left;
    this.#left = [];
    return left.flatMap((each) => {
      const whole = this.#look.at(each, "nothing", { image: each.image, disk: each.disks[0]!, history: [] });
      if (this.#draw(2) === 0) return isUsable(whole) ? [whole] : [];
      const names = Object.keys(faults);
      const past = this.#pasts[this.#draw(this.#pasts.length)] ?? {
        image: each.image,
        disk: whole.disks[0]!,
        history: [],
      };
      const harmed = this.#look.at(each, names[this.#draw(names.length)]!, past);
      return [whole, harmed].filter(isUsable);
    });
  }
}

/** A node can go on with it, and the files hold nothing that the model's disk does not have: no damage that only a write would meet. */
function isUsable({ disks, outcome, isSound }: Chosen): boolean {
  const disk = disks[0]!;
  return isSound && disk.incarnation !== "" && disk.rotten.length === 0 && !outcome.startsWith("it does not start");
}

function orFail(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof GraftError || (error instanceof Error && error.message.startsWith("EIO")))) throw error;
  }
}
