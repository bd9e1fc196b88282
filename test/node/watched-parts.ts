// The parts of a real node, with a record of what they are told, in order and with which arguments.
import type { Node } from "../../src/node/node.ts";

export type Call = readonly [name: string, ...given: readonly unknown[]];

type Methods = Record<string, (...given: readonly unknown[]) => unknown>;

/** Each of the names is `part.method`, or a method of the node's requests: `requests.method`. */
export function watchedCalls(node: Node, ...names: readonly string[]): Call[] {
  const calls: Call[] = [];
  for (const name of names) {
    const [part = "", method = ""] = name.split(".");
    const target = { ...node.parts, requests: node.requests }[part as "loop"] as unknown as Methods;
    const original = target[method];
    if (original === undefined) throw new Error(`no such method: ${name}`);
    target[method] = (...given) => {
      calls.push([name, ...given]);
      return original.apply(target, [...given]);
    };
  }
  return calls;
}
