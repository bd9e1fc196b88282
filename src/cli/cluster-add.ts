// `graft cluster add ID ADDRESS`: one node more, in the place of another one perhaps, or the same one at another address.
import { noRequest } from "../client/membership.ts";
import { command } from "./command.ts";
import { changeFlags, changeMembers } from "./membership-change.ts";
import { GraftError } from "../errors.ts";
import { parseAddress, parseInteger, parseName } from "./typed-numbers.ts";

export const clusterAdd = command({
  summary: "Add a node, replace one, or say that one has moved",
  details: [
    "The node runs already, with [cluster] join in its configuration file and a certificate of this cluster (graft certs issue). It first gets all data as a learner, while the others go on without it, and becomes a voter when it has caught up: that is what is waited for.",
    "It is refused if a voter cannot reach it, or nobody can dial it at that address: then the answer says who cannot reach whom. A member that runs with other data than before, after its disk was lost, takes the place of the old one under its name; one that runs with its own data at another address has moved.",
  ],
  args: {
    id: { type: "positional", required: true, description: "the node's id: [node] id of its configuration" },
    address: { type: "positional", required: true, description: "host:port where the others reach it" },
    learner: { type: "boolean", description: "let it learn and not vote; see: graft cluster promote" },
    priority: {
      type: "string",
      valueHint: "N",
      description: "where leadership is wanted: the highest number; default: 0",
    },
    replace: { type: "string", valueHint: "OLD", description: "remove this node in the same step" },
    also: {
      type: "string",
      valueHint: "ID=HOST:PORT",
      description: "another node in the same step, such as one that has swapped addresses with ID; may be repeated",
    },
    "behind-nat": {
      type: "boolean",
      description: "add it though nobody can dial it: its own connections serve, and clients do not reach it",
    },
    ...changeFlags,
  },
  repeatable: ["also"],
  examples: [
    ["graft cluster add n4 10.0.0.4:7401", "n4 as a voter"],
    [
      "graft cluster add n4 10.0.0.4:7401 --replace n2",
      "n4 for n2, which is dead: n2 counts until n4 can take its place",
    ],
    ["graft cluster add n3 10.0.0.4:7401 --also n4=10.0.0.3:7401", "n3 and n4, which have swapped their addresses"],
    ["graft cluster add n4 10.0.0.4:7401 --dry-run", "what that would come to"],
  ],
  async run(args, { output, values }) {
    const { id, learner = false, replace } = args;
    const behindNat = args["behind-nat"] === true;
    const address = parseAddress("ADDRESS", args.address);
    const priority = args.priority === undefined ? null : parseInteger("--priority", args.priority);
    const also = values("also").map(alsoNamed);
    const alike = { voter: !learner, behindNat };
    const change = {
      ...noRequest,
      add: [{ id, address, priority, ...alike }, ...also.map((each) => ({ ...each, priority: null, ...alike }))],
      remove: replace === undefined ? [] : [replace],
    };
    const instead = replace === undefined ? "" : ` in the place of ${replace}`;
    const role = learner ? "learner" : "voter";
    const others = also.map((each) => `; ${each.id} at ${each.address} is a ${role} as well`).join("");
    await changeMembers(args, output, change, {
      doing: `${id} is catching up`,
      watched: id,
      done: `${id} at ${address} is a ${role}${instead}; it holds all data${others}`,
      next: learner ? `let it vote: graft cluster promote ${id}` : behindNat ? hiddenWords(id) : null,
    });
  },
});

function alsoNamed(text: string): { readonly id: string; readonly address: string } {
  const [, id, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (id === undefined || address === undefined) {
    throw new GraftError(
      "usage",
      `--also ${JSON.stringify(text)}: say which node and where it is: --also ID=HOST:PORT`,
    );
  }
  return { id: parseName("--also", id), address: parseAddress("--also", address) };
}

const hiddenWords = (id: string): string =>
  `where nobody can dial ${id} clients cannot reach it either: let its priority be the lowest (graft cluster configuration)`;
