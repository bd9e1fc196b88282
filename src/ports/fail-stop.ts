// How the node ends when its own state breaks a rule, or its own code fails. What it knows may be wrong from then on.

/**
 * Once this is called nothing may leave the node: no message, no answer, no write. The implementation MUST see to that; that of
 * a process ends the process, and so never returns. The cause is the last word in the log.
 */
export type FailStop = (cause: unknown) => void;
