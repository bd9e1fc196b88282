// Both hosts under the one contract.
import { createInlineStateMachine } from "../../src/adapters/plugin/inline-host.ts";
import { createWorkerStateMachine } from "../../src/adapters/plugin/worker-host.ts";
import { describeDurableContract } from "./state-machine-durable-contract.ts";
import { describeStateMachineContract } from "./state-machine-contract.ts";
import { describeMilestonesContract } from "./state-machine-milestones-contract.ts";
import { describeRenewalContract } from "./state-machine-renewal-contract.ts";
import { describeSessionContract } from "./state-machine-session-contract.ts";
import { describeSnapshotContract } from "./state-machine-snapshot-contract.ts";

describeStateMachineContract("inline", (location) => createInlineStateMachine([location]));
describeStateMachineContract("worker", (location) => createWorkerStateMachine([location]));
describeSnapshotContract("inline", (location) => createInlineStateMachine([location]));
describeSnapshotContract("worker", (location) => createWorkerStateMachine([location]));
describeSessionContract("inline", (location) => createInlineStateMachine([location]));
describeSessionContract("worker", (location) => createWorkerStateMachine([location]));
describeMilestonesContract("inline", (location) => createInlineStateMachine([location]));
describeMilestonesContract("worker", (location) => createWorkerStateMachine([location]));
describeRenewalContract("inline", (location) => createInlineStateMachine([location]));
describeRenewalContract("worker", (location) => createWorkerStateMachine([location]));

describeDurableContract("inline", (locations, state) => createInlineStateMachine(locations, () => {}, state));
describeDurableContract("worker", (locations, state) => createWorkerStateMachine(locations, () => {}, state));
