// Both hosts under the one contract.
import { createInlineStateMachine } from "../../src/adapters/plugin/inline-host.ts";
import { createWorkerStateMachine } from "../../src/adapters/plugin/worker-host.ts";
import { describeStateMachineContract } from "./state-machine-contract.ts";
import { describeSessionContract } from "./state-machine-session-contract.ts";
import { describeSnapshotContract } from "./state-machine-snapshot-contract.ts";

describeStateMachineContract("inline", createInlineStateMachine);
describeStateMachineContract("worker", createWorkerStateMachine);
describeSnapshotContract("inline", createInlineStateMachine);
describeSnapshotContract("worker", createWorkerStateMachine);
describeSessionContract("inline", createInlineStateMachine);
describeSessionContract("worker", createWorkerStateMachine);
