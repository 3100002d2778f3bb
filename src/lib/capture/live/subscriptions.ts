import type { Frame } from '../../exchanges/exchange.js';

/** What became of one subscription on one connection. */
export type TopicState = 'pending' | 'confirmed' | 'refused' | 'stale';

export type StateCounts = Readonly<Record<TopicState, number>>;

/** What a refusal leads to: topics that are refused for good, and batches to ask for again, apart. */
export type Refusal = { readonly refused: readonly string[]; readonly retry: readonly (readonly string[])[] };

type Acknowledged = Pick<Extract<Frame, { kind: 'acknowledged' }>, 'topic' | 'request'>;
type Refused = Extract<Frame, { kind: 'refused' }>;
type Entry = { state: TopicState; since: number; isHeard: boolean; isAnswered: boolean };

export type SubscriptionLimits = {
  /** Milliseconds until a subscription that nothing answers is reported. */
  readonly acknowledgeWithin: number;
  /** Milliseconds until one that should have spoken at once, and stays silent while others speak, is reported. */
  readonly staleAfter: number;
};

/**
 * The subscriptions of one connection and their states: pending until the exchange confirms or data comes, refused with
 * its reason, stale while they are silent and others speak. Times are milliseconds, given by the caller.
 */
export class Subscriptions {
  readonly #limits: SubscriptionLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #requests = new Map<string, readonly string[]>();
  #isSpeaking = false;

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits;
  }

  has(topic: string): boolean {
    return this.#entries.has(topic);
  }

  state(topic: string): TopicState | undefined {
    return this.#entries.get(topic)?.state;
  }

  /** Notes a subscription that is sent `at`; `request` is the id that its answer will carry. */
  asked(topics: readonly string[], request: string | undefined, at: number): void {
    for (const topic of topics) this.#entries.set(topic, { state: 'pending', since: at, isHeard: false, isAnswered: false });
    if (request !== undefined) this.#requests.set(request, topics);
  }

  /** Forgets subscriptions that were ended. */
  ended(topics: readonly string[]): void {
    for (const topic of topics) this.#entries.delete(topic);
  }

  acknowledged({ topic, request }: Acknowledged, at: number): void {
    for (const confirmed of this.#topicsOf(topic, request)) this.#confirm(confirmed, at);
    if (request !== undefined) this.#requests.delete(request);
  }

  /**
   * Returns what to do about a refusal. An exchange that refuses whole requests because of one topic names it, then the
   * others are asked for again; where it names none, the halves are, until the culprit stands alone.
   */
  refused({ topic, request }: Refused, at: number): Refusal {
    const asked = request === undefined ? undefined : this.#requests.get(request);
    if (request !== undefined) this.#requests.delete(request);
    if (!asked) return topic === undefined || request !== undefined ? NOTHING : this.#refuse([topic], [], at);
    const open = asked.filter((candidate) => this.#entries.get(candidate)?.state === 'pending');
    if (topic !== undefined && asked.includes(topic)) {
      const others = open.filter((other) => other !== topic);
      return this.#refuse([topic], others.length > 0 ? [others] : [], at);
    }
    if (open.length <= 1) return this.#refuse(open, [], at);
    const half = Math.ceil(open.length / 2);
    return { refused: [], retry: [open.slice(0, half), open.slice(half)] };
  }

  /** Notes that data of a topic came: whatever was answered, it is subscribed. */
  heard(topic: string, at: number): void {
    this.#isSpeaking = true;
    const entry = this.#entries.get(topic);
    if (!entry || (entry.isHeard && entry.state === 'confirmed')) return;
    entry.isHeard = true;
    this.#confirm(topic, at);
  }

  /** Notes that a confirmed topic did not deliver what it should have; returns whether that is news. */
  suspect(topic: string): boolean {
    const entry = this.#entries.get(topic);
    if (entry?.state !== 'confirmed') return false;
    entry.state = 'stale';
    return true;
  }

  /** Returns the subscriptions that have become stale by `at`; `isGreeted` says which the exchange greets with a state. */
  check(at: number, isGreeted: (topic: string) => boolean): string[] {
    const stale: string[] = [];
    for (const [topic, entry] of this.#entries) {
      if (!this.#isOverdue(entry, at) || (entry.state === 'confirmed' && !isGreeted(topic))) continue;
      entry.state = 'stale';
      stale.push(topic);
    }
    return stale;
  }

  /** Subscriptions that were asked for in vain: neither answered nor heard. */
  get unanswered(): string[] {
    return [...this.#entries].flatMap(([topic, { state, isAnswered }]) => (state === 'stale' && !isAnswered ? [topic] : []));
  }

  /** Whether every subscription has been answered, those that are greeted with their state, or reported. */
  isSettled(isGreeted: (topic: string) => boolean): boolean {
    for (const [topic, { state, isHeard }] of this.#entries)
      if (state === 'pending' || (state === 'confirmed' && !isHeard && isGreeted(topic))) return false;
    return this.#entries.size > 0;
  }

  get counts(): StateCounts {
    const counts = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
    for (const { state } of this.#entries.values()) counts[state] += 1;
    return counts;
  }

  #isOverdue({ state, since, isHeard }: Entry, at: number): boolean {
    if (state === 'pending') return at - since >= this.#limits.acknowledgeWithin;
    return state === 'confirmed' && !isHeard && this.#isSpeaking && at - since >= this.#limits.staleAfter;
  }

  #refuse(topics: readonly string[], retry: readonly (readonly string[])[], at: number): Refusal {
    for (const topic of topics) this.#entries.set(topic, { state: 'refused', since: at, isHeard: false, isAnswered: true });
    return { refused: topics, retry };
  }

  #confirm(topic: string, at: number): void {
    const entry = this.#entries.get(topic);
    if (!entry || entry.state === 'confirmed') return;
    entry.state = 'confirmed';
    entry.isAnswered = true;
    entry.since = at;
  }

  #topicsOf(topic: string | undefined, request: string | undefined): readonly string[] {
    if (topic !== undefined) return [topic];
    return request === undefined ? [] : (this.#requests.get(request) ?? []);
  }
}

const NOTHING: Refusal = { refused: [], retry: [] };
