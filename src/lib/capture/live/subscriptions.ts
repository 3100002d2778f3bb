import type { Frame } from '../../exchanges/exchange.js';

/** State of one subscription on one connection. */
export type TopicState = 'pending' | 'confirmed' | 'refused' | 'stale';

export type StateCounts = Readonly<Record<TopicState, number>>;

/** What a refusal leads to: topics that are refused for good, and batches to request again, each in its own message. */
type Refusal = { readonly refused: readonly string[]; readonly retry: readonly (readonly string[])[] };

type Acknowledged = Pick<Extract<Frame, { kind: 'acknowledged' }>, 'topic' | 'request'>;
type Refused = Extract<Frame, { kind: 'refused' }>;
type Entry = { state: TopicState; since: number; hasData: boolean; isAnswered: boolean; lastData: number; frames: number };

/** Frames before their mean interval says anything. */
const ENOUGH = 5;

type SubscriptionLimits = {
  /** Milliseconds until a subscription without an answer is reported. */
  readonly acknowledgeWithin: number;
  /** Milliseconds until a topic without the expected snapshot is reported, while other topics deliver. */
  readonly staleAfter: number;
};

/**
 * The subscriptions of one connection and their states: pending until a confirmation or data arrives, refused, or stale
 * when nothing arrives while other topics deliver. Times are milliseconds, passed by the caller.
 */
export class Subscriptions {
  readonly #limits: SubscriptionLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #requests = new Map<string, readonly string[]>();
  #hasData = false;

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits;
  }

  has(topic: string): boolean {
    return this.#entries.has(topic);
  }

  state(topic: string): TopicState | undefined {
    return this.#entries.get(topic)?.state;
  }

  /** Whether the exchange has confirmed or refused a topic, or sent its data. */
  isAnswered(topic: string): boolean {
    return this.#entries.get(topic)?.isAnswered === true;
  }

  /** Adds subscriptions that are sent at `at`; `request` is the id that the answer will carry. */
  requested(topics: readonly string[], request: string | undefined, at: number): void {
    for (const topic of topics)
      this.#entries.set(topic, { state: 'pending', since: at, hasData: false, isAnswered: false, lastData: at, frames: 0 });
    if (request !== undefined) this.#requests.set(request, topics);
  }

  /** Removes subscriptions that were ended. */
  ended(topics: readonly string[]): void {
    for (const topic of topics) this.#entries.delete(topic);
  }

  acknowledged({ topic, request }: Acknowledged, at: number): void {
    for (const confirmed of this.#topicsOf(topic, request)) this.#confirm(confirmed, at);
    if (request !== undefined) this.#requests.delete(request);
  }

  /**
   * Returns what to do about a refusal. One bad topic can refuse a whole request. When the exchange names it, the others are
   * requested again. When it names none, both halves are, until the bad topic is alone.
   */
  refused({ topic, request }: Refused, at: number): Refusal {
    const requested = request === undefined ? undefined : this.#requests.get(request);
    if (request !== undefined) this.#requests.delete(request);
    if (!requested) return topic === undefined || request !== undefined ? NOTHING : this.#refuse([topic], [], at);
    const open = requested.filter((candidate) => this.#entries.get(candidate)?.state === 'pending');
    if (topic !== undefined && requested.includes(topic)) {
      const others = open.filter((other) => other !== topic);
      return this.#refuse([topic], others.length > 0 ? [others] : [], at);
    }
    if (open.length <= 1) return this.#refuse(open, [], at);
    const half = Math.ceil(open.length / 2);
    return { refused: [], retry: [open.slice(0, half), open.slice(half)] };
  }

  /** Marks a topic as subscribed because its data arrived, whatever the exchange answered. */
  onData(topic: string, at: number): void {
    this.#hasData = true;
    const entry = this.#entries.get(topic);
    if (entry) {
      entry.lastData = at;
      entry.frames += 1;
    }
    if (!entry || (entry.hasData && entry.state === 'confirmed')) return;
    entry.hasData = true;
    this.#confirm(topic, at);
  }

  /** Returns the time of a topic's last data or of its request, undefined for a topic that is not subscribed. */
  lastData(topic: string): number | undefined {
    return this.#entries.get(topic)?.lastData;
  }

  /** Returns the mean time between two frames of a topic (ms), undefined while they are too few to say. */
  interval(topic: string): number | undefined {
    const entry = this.#entries.get(topic);
    return entry && entry.frames >= ENOUGH ? (entry.lastData - entry.since) / entry.frames : undefined;
  }

  /** Marks a confirmed topic as stale; returns whether it was not before. */
  markStale(topic: string): boolean {
    const entry = this.#entries.get(topic);
    if (entry?.state !== 'confirmed') return false;
    entry.state = 'stale';
    return true;
  }

  /** Returns the subscriptions that become stale at `at`. `hasSnapshot`: topics whose subscription the exchange answers with a snapshot. */
  check(at: number, hasSnapshot: (topic: string) => boolean): string[] {
    const stale: string[] = [];
    for (const [topic, entry] of this.#entries) {
      if (!this.#isOverdue(entry, at) || (entry.state === 'confirmed' && !hasSnapshot(topic))) continue;
      entry.state = 'stale';
      stale.push(topic);
    }
    return stale;
  }

  /** Subscriptions with neither an answer nor data. */
  get unanswered(): string[] {
    return [...this.#entries].flatMap(([topic, { state, isAnswered }]) => (state === 'stale' && !isAnswered ? [topic] : []));
  }

  /** Whether each subscription is refused, stale, or confirmed with its snapshot where it has one. */
  isSettled(hasSnapshot: (topic: string) => boolean): boolean {
    for (const [topic, { state, hasData }] of this.#entries)
      if (state === 'pending' || (state === 'confirmed' && !hasData && hasSnapshot(topic))) return false;
    return this.#entries.size > 0;
  }

  get counts(): StateCounts {
    const counts = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
    for (const { state } of this.#entries.values()) counts[state] += 1;
    return counts;
  }

  #isOverdue({ state, since, hasData }: Entry, at: number): boolean {
    if (state === 'pending') return at - since >= this.#limits.acknowledgeWithin;
    return state === 'confirmed' && !hasData && this.#hasData && at - since >= this.#limits.staleAfter;
  }

  #refuse(topics: readonly string[], retry: readonly (readonly string[])[], at: number): Refusal {
    for (const topic of topics)
      this.#entries.set(topic, { state: 'refused', since: at, hasData: false, isAnswered: true, lastData: at, frames: 0 });
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
