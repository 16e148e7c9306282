import { type Rate, TokenBucket } from './token-bucket.ts';

/** What one address may do. Several API servers behind one address are one peer. */
export interface PeerLimits {
  /** Connections that are open at once. */
  readonly openConnections: number;
  /** Connections that are made; a TLS handshake costs more than an answer. */
  readonly connections: Rate;
  /** Requests, of whatever kind. */
  readonly requests: Rate;
  /** Bytes of bodies. */
  readonly bytes: Rate;
  /** Bytes of bodies that are held at once. */
  readonly held: number;
  /** Milliseconds that answers take on the thread that does the operator's work. */
  readonly answers: Rate;
}

const peerLimits: PeerLimits = {
  openConnections: 128,
  connections: { perSecond: 50, burst: 200 },
  requests: { perSecond: 200, burst: 1000 },
  bytes: { perSecond: 4 * 1024 * 1024, burst: 32 * 1024 * 1024 },
  held: 20 * 1024 * 1024,
  answers: { perSecond: 150, burst: 1500 },
};

/** Of all peers together. */
const allAnswers: Rate = { perSecond: 250, burst: 2500 };

const maxPeers = 1024;

interface Peer {
  open: number;
  held: number;
  readonly connections: TokenBucket;
  readonly requests: TokenBucket;
  readonly bytes: TokenBucket;
  readonly answers: TokenBucket;
}

/** Keeps who asks, by address, to its limits. The table is bounded: peers that find no place in it are one peer together. */
export class WebhookPeers {
  readonly #limits: PeerLimits;
  readonly #now: () => number;
  readonly #peers = new Map<string, Peer>();
  readonly #others: Peer;
  readonly #all: TokenBucket;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number, limits: PeerLimits = peerLimits) {
    this.#now = now;
    this.#limits = limits;
    this.#others = this.#make();
    this.#all = new TokenBucket(allAnswers, now());
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#peers.size;
  }

  /** A new connection; undefined when it is one too many. */
  connect(address: string): WebhookPeer | undefined {
    const now = this.#now();
    const peer = this.#find(address, now);
    if (peer.open >= this.#limits.openConnections || !peer.connections.allows(now)) return undefined;
    peer.connections.take(1, now);
    peer.open += 1;
    return new WebhookPeer(peer, { all: this.#all, now: this.#now, maxHeld: this.#limits.held });
  }

  #find(address: string, now: number): Peer {
    // An IPv4 address counts as itself where the server listens on both families.
    const key = address.replace(/^::ffff:/, '');
    const present = this.#peers.get(key);
    if (present !== undefined) return present;
    if (this.#peers.size >= maxPeers) this.#forget(now);
    if (this.#peers.size >= maxPeers) return this.#others;
    const peer = this.#make();
    this.#peers.set(key, peer);
    return peer;
  }

  /** Forgets those about whom there is nothing to remember; looks at some only, so that one connection never pays for all. */
  #forget(now: number): void {
    let looks = 0;
    for (const [key, peer] of this.#peers) {
      looks += 1;
      const { open, connections, requests, bytes, answers } = peer;
      const idle = open === 0 && [connections, requests, bytes, answers].every((bucket) => bucket.isFull(now));
      this.#peers.delete(key);
      if (idle) return;
      // To the end, so that the next look is at others.
      this.#peers.set(key, peer);
      if (looks === 16) return;
    }
  }

  #make(): Peer {
    const now = this.#now();
    const { connections, requests, bytes, answers } = this.#limits;
    return {
      open: 0,
      held: 0,
      connections: new TokenBucket(connections, now),
      requests: new TokenBucket(requests, now),
      bytes: new TokenBucket(bytes, now),
      answers: new TokenBucket(answers, now),
    };
  }
}

/** One connection of a peer. */
export class WebhookPeer {
  readonly #peer: Peer;
  readonly #all: TokenBucket;
  readonly #now: () => number;
  readonly #maxHeld: number;
  #closed = false;

  constructor(
    peer: Peer,
    { all, now, maxHeld }: { readonly all: TokenBucket; readonly now: () => number; readonly maxHeld: number },
  ) {
    this.#peer = peer;
    this.#all = all;
    this.#now = now;
    this.#maxHeld = maxHeld;
  }

  /** Whether a request may be read now. */
  mayAsk(): boolean {
    const now = this.#now();
    const { requests, bytes, answers } = this.#peer;
    requests.take(1, now);
    return requests.allows(now) && bytes.allows(now) && answers.allows(now) && this.#all.allows(now);
  }

  /** Bytes of a body came; whether more may come. They are held until {@link release}. */
  receive(bytes: number): boolean {
    this.#peer.bytes.take(bytes, this.#now());
    this.#peer.held += bytes;
    return this.#peer.held <= this.#maxHeld;
  }

  release(bytes: number): void {
    this.#peer.held -= bytes;
  }

  /** @param milliseconds that an answer took */
  answered(milliseconds: number): void {
    const now = this.#now();
    this.#peer.answers.take(milliseconds, now);
    this.#all.take(milliseconds, now);
  }

  close(): void {
    if (!this.#closed) this.#peer.open -= 1;
    this.#closed = true;
  }
}
