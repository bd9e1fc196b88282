// Who founds the cluster? The list behind `cluster.bootstrap`: each member with an id and an address of its own.
import type { TomlValue } from "smol-toml";
import { quote } from "./problems.ts";
import { address, type Complain, isTable, list, name, shown, type ValueKind } from "./value-kinds.ts";

export interface MemberAddress {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
}

const MEMBER = '{ id = "…", address = "host:port" }';

const founder: ValueKind<MemberAddress> = {
  description: MEMBER,
  read(value, complain) {
    if (!isTable(value)) {
      complain([], `${shown(value)} is no member`, `use ${MEMBER}`);
      return undefined;
    }
    for (const key of Object.keys(value)) {
      if (key !== "id" && key !== "address")
        complain([key], "this key is unknown", "a member has an id and an address");
    }
    const part = (key: "id" | "address", kind: ValueKind<string>): string | undefined => {
      const inner = value[key];
      if (inner !== undefined) return kind.read(inner, (within, ...rest) => complain([key, ...within], ...rest));
      complain([], `${key} is missing`, `use ${MEMBER}`);
      return undefined;
    };
    const [id, reachedAt] = [part("id", name), part("address", address)];
    return id === undefined || reachedAt === undefined ? undefined : { id, address: reachedAt };
  },
};

const listed = list("members", founder);

export const founders: ValueKind<readonly MemberAddress[]> = {
  description: `a list of ${MEMBER}, each id and each address once`,
  read(value, complain) {
    const found = listed.read(value, complain);
    if (Array.isArray(value)) complainOfRepeated(value, complain);
    if (found?.length !== 0) return found;
    complain([], "the list is empty", `name every founder: ${MEMBER}`);
    return undefined;
  },
};

/** Looks at what is written, so that one bad member does not hide that two others are the same. */
function complainOfRepeated(elements: readonly TomlValue[], complain: Complain): void {
  for (const key of ["id", "address"]) {
    const seen = new Set<string>();
    elements.forEach((element, index) => {
      const text = isTable(element) ? element[key] : undefined;
      if (typeof text !== "string") return;
      const spelled = key === "address" ? text.toLowerCase() : text;
      if (seen.has(spelled))
        complain([index, key], `${quote(text)} is another member's too`, `give each its own ${key}`);
      seen.add(spelled);
    });
  }
}
