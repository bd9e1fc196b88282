// `graft cluster add ID ADDRESS`: one node more, in the place of another one perhaps, or the same one at another address.
import { type CompletedChange, noRequest } from "../client/membership.ts";
import { GraftError } from "../errors.ts";
import { command } from "./command.ts";
import { changeFlags, changeMembers } from "./membership-change.ts";
import { parseAddress, parseInteger, parseName } from "./typed-numbers.ts";

export const clusterAdd = command({
  summary: "Add, replace or move a node",
  details: [
    "Start the node first. It needs a certificate of this cluster (graft certs issue), and [cluster] join in its configuration file. The node receives all data as a learner, then becomes a voter. The command waits until then.",
    "The change is refused if a voter cannot reach the node. It is also refused if no node can dial the address. The error names both nodes. If a member has lost its disk, add it again under its name. If a member has moved with its data, add it at its new address.",
  ],
  args: {
    id: { type: "positional", required: true, description: "the node's id: [node] id of its configuration" },
    address: { type: "positional", required: true, description: "host:port at which the other nodes reach it" },
    learner: { type: "boolean", description: "add it as a learner; see: graft cluster promote" },
    priority: {
      type: "string",
      valueHint: "N",
      description: "the highest number is the preferred leader; default: 0",
    },
    replace: { type: "string", valueHint: "OLD", description: "remove this node in the same step" },
    also: {
      type: "string",
      valueHint: "ID=HOST:PORT",
      description: "another node in the same step, such as one that has swapped addresses with ID; may be repeated",
    },
    "behind-nat": {
      type: "boolean",
      description:
        "add a node that others cannot dial; it uses the connections that it opens, and clients cannot reach it",
    },
    ...changeFlags,
  },
  repeatable: ["also"],
  examples: [
    ["graft cluster add n4 10.0.0.4:7401", "add n4 as a voter"],
    ["graft cluster add n4 10.0.0.4:7401 --replace n2", "replace the dead n2; n2 counts until n4 has caught up"],
    ["graft cluster add n3 10.0.0.4:7401 --also n4=10.0.0.3:7401", "let n3 and n4 swap their addresses"],
    ["graft cluster add n4 10.0.0.4:7401 --dry-run", "show what that would change"],
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
    const ids = [id, ...also.map((each) => each.id)];
    await changeMembers(args, output, change, {
      doing: `${id} is catching up`,
      watched: id,
      done: (completed) => ids.map((each) => addedWords(completed, each, each === id ? instead : "")).join("; "),
      next: (completed) => promotionWords(completed, ids) ?? (behindNat ? hiddenWords(id) : null),
    });
  },
});

/** What the node is now. Only a new voter is known to hold all data. */
function addedWords({ before, after }: CompletedChange, id: string, instead: string): string {
  const own = after.members.find((member) => member.id === id);
  if (own === undefined) return `${id} is no member any more`;
  const words = `${id} at ${own.address} is a ${own.voter ? "voter" : "learner"}${instead}`;
  const hasCaughtUp = own.voter && before !== null && earlier(before, own)?.voter !== true;
  return hasCaughtUp ? `${words}; it holds all data` : words;
}

function promotionWords({ before, after }: CompletedChange, ids: readonly string[]): string | null {
  const isNew = (member: Listed): boolean => before === null || earlier(before, member) === undefined;
  const learners = after.members.filter((member) => ids.includes(member.id) && !member.voter && isNew(member));
  if (learners.length === 0) return null;
  const promotions = learners.map(({ id }) => `graft cluster promote ${id}`).join("; ");
  return `let ${learners.length === 1 ? "it" : "them"} vote: ${promotions}`;
}

type Listed = CompletedChange["after"]["members"][number];

/** The same data as a member before. */
const earlier = ({ members }: CompletedChange["after"], { incarnation }: Listed): Listed | undefined =>
  members.find((member) => member.incarnation === incarnation);

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
