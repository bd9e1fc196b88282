// Which name or address of a request is none? It is found here, before the request is sent.
import { addressFault } from "../core/address.ts";
import { isMemberName, isName, nameRule } from "../core/name.ts";
import type { RequestedChange } from "../ports/membership-requests.ts";

/** In words; null: all are as they have to be. */
export function faultOfChange({ add, promote, demote, remove, prioritize }: RequestedChange): string | null {
  for (const { id, address } of add) {
    if (!isName(id)) return `${JSON.stringify(id)} is not the name of a node; use ${nameRule}`;
    const fault = faultOfAddress(address);
    if (fault !== null) return fault;
  }
  const named = [...promote, ...demote, ...remove, ...prioritize.map(({ name }) => name)];
  const wrong = named.find((name) => !isMemberName(name));
  if (wrong === undefined) return null;
  return `${JSON.stringify(wrong)} is not the name of a node, nor of one of its incarnations (id@incarnation); use ${nameRule}`;
}

export function faultOfAddress(address: string): string | null {
  const fault = addressFault(address);
  return fault === null
    ? null
    : `${JSON.stringify(address)} ${fault}; use host:port, such as 10.0.0.1:7401 or [::1]:7401`;
}
