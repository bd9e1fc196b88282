// Which connections have not introduced themselves yet, and which of them goes when there are too many? Anyone on the network can
// open them without a certificate. An honest side is done within milliseconds, so the oldest goes; but of the address that has most,
// so that a flood from one machine keeps no other machine out.
import type { Link } from "./link.ts";

/** The part of a link that is used here. */
type Unknown = Pick<Link, "remoteAddress" | "drop">;

export class UnknownLinks {
  readonly #countMax: number;
  /** The oldest first. */
  readonly #links = new Set<Unknown>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  add(link: Unknown): void {
    this.#links.add(link);
    if (this.#links.size > this.#countMax) this.#dropOne();
  }

  /** It has introduced itself, or is gone. */
  remove(link: Unknown): void {
    this.#links.delete(link);
  }

  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const { remoteAddress } of this.#links) counts.set(remoteAddress, (counts.get(remoteAddress) ?? 0) + 1);
    const [most] = [...counts].reduce((one, other) => (other[1] > one[1] ? other : one));
    const oldest = [...this.#links].find(({ remoteAddress }) => remoteAddress === most)!;
    this.remove(oldest);
    oldest.drop("too many connections have not introduced themselves");
  }
}
