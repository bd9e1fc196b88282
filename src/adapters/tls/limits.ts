// How much a connection may cost: times, sizes and counts (P54). Everything that a stranger or a slow peer could make
// grow has its bound here; a test or an operator's program may set its own.

export interface TransportLimits {
  /** From the TCP connection to the checked hello; whoever takes longer is closed. */
  readonly handshakeTimeoutMs: number;
  /** From a frame's first byte to its last. */
  readonly frameTimeoutMs: number;
  /** How often a frame of a peer that is arriving is worth a word, at the most. */
  readonly partNoticeMs: number;
  /** How long the other side may take nothing of what is queued for it. */
  readonly stallTimeoutMs: number;
  /** A connection between nodes on which nothing was sent for this long carries an empty frame, as a sign of life. */
  readonly keepAliveMs: number;
  /** A peer that was not heard for this long is taken for gone. A few times `keepAliveMs`. */
  readonly silenceMs: number;
  /** How long a connection that says its last word waits for the other side to close. */
  readonly lingerMs: number;
  /** How often the bounds above are looked at: their precision. */
  readonly sweepMs: number;
  /** Connections that have not yet shown who they are. One more closes the oldest of the address that has most. */
  readonly pendingMax: number;
  /** Connections of clients. Of them a single name may have as many as it leaves for others: half of them, when it is alone. */
  readonly clientsMax: number;
  /** Connections beyond `clientsMax` that are for administrators alone. */
  readonly adminsReserve: number;
  /** Requests of clients that one turn of the loop takes: the others wait, and so does everything else meanwhile. */
  readonly requestsPerTurn: number;
  /**
   * And how many bytes of them, unless a single one is larger; nor is much more read from clients in one turn. As much as one
   * write of the log may hold (node/mailbox.ts).
   */
  readonly requestsTurnBytes: number;
  /** And how long they may take, ms. A command of another client crosses the loops of several nodes, and waits for a turn at each step. */
  readonly requestsTurnMs: number;
  /** Bytes of incomplete requests of all clients together. Beyond this the client name with the most loses one request. */
  readonly clientsArrivingBytesMax: number;
  readonly peerQueueBytesMax: number;
  /** A result beyond it is answered with an error in its place; slowness is `stallTimeoutMs`'s matter. */
  readonly clientQueueBytesMax: number;
  /** While as much waits for a client, none of its further queries is answered: there is no end to what could pile up. */
  readonly clientCreditBytes: number;
  /** What the connections of all clients write in one turn of the loop: more would make heartbeats wait. */
  readonly clientsTurnBytes: number;
  /** Of all clients together. Beyond it the one for which most is queued is dropped. */
  readonly clientQueuesBytesMax: number;
  /** Connections for bulk with one peer, those that this side opened and those that the peer did each. */
  readonly bulkLinksMax: number;
  readonly bulkQueueBytesMax: number;
  /** What a connection for bulk writes in one turn of the loop: more would make the others wait. */
  readonly bulkPieceBytes: number;
  /** A connection for bulk on which nothing has travelled for this long is closed. */
  readonly bulkIdleMs: number;
  /** Waits between attempts to reach a peer: doubling from the one to the other, each shortened by up to half at random. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export const defaultLimits: TransportLimits = Object.freeze({
  handshakeTimeoutMs: 5_000,
  frameTimeoutMs: 10_000,
  partNoticeMs: 50,
  stallTimeoutMs: 10_000,
  keepAliveMs: 1_000,
  silenceMs: 5_000,
  lingerMs: 1_000,
  sweepMs: 250,
  pendingMax: 256,
  clientsMax: 1_024,
  adminsReserve: 64,
  requestsPerTurn: 1_024,
  requestsTurnBytes: 4 * 1024 * 1024,
  requestsTurnMs: 2,
  clientsArrivingBytesMax: 256 * 1024 * 1024,
  peerQueueBytesMax: 64 * 1024 * 1024,
  clientQueueBytesMax: 64 * 1024 * 1024,
  clientCreditBytes: 4 * 1024 * 1024,
  clientsTurnBytes: 4 * 1024 * 1024,
  clientQueuesBytesMax: 512 * 1024 * 1024,
  bulkLinksMax: 4,
  bulkQueueBytesMax: 4 * 1024 * 1024,
  bulkPieceBytes: 64 * 1024,
  bulkIdleMs: 60_000,
  backoffMinMs: 20,
  backoffMaxMs: 1_000,
});
