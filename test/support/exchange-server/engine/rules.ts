/** The rules of the exchanges that a client can break. */
export const RULES = [
  'messages-per-second',
  'arguments-per-message',
  'message-bytes',
  'argument-characters',
  'channels-per-connection',
  'subscribe-requests-per-hour',
  'connects-per-five-minutes',
  'concurrent-connections',
  'connect-while-banned',
  'ping-deadline',
  'malformed-message',
  'already-subscribed',
  'not-subscribed',
  'slow-consumer',
  'rest-rate',
  'rest-while-banned',
  'rest-before-retry-after',
  'bad-request',
] as const;
export type Rule = (typeof RULES)[number];

/** What a client did wrong; `at` is rule time in milliseconds. */
export type Violation = {
  readonly rule: Rule;
  readonly detail: string;
  readonly at: number;
  readonly connection?: number | undefined;
};

/** What one exchange allows. What is absent it does not limit. */
export type Limits = {
  readonly messagesPerSecond?: number | undefined;
  /** Bytes of the `args` list of one message. */
  readonly messageBytes?: number | undefined;
  /** Arguments of one message, per market of the connection. */
  readonly argumentsPerMessage?: Readonly<Record<string, number>> | undefined;
  /** Characters of all arguments of one connection. */
  readonly argumentCharacters?: number | undefined;
  readonly channelsPerConnection?: number | undefined;
  readonly subscribeRequestsPerHour?: number | undefined;
  readonly connectsPerFiveMinutes: number;
  /** Per path where `isPerPath`, else altogether. */
  readonly concurrentConnections: { readonly most: number; readonly isPerPath: boolean };
  /** Milliseconds without a ping after which the exchange closes. */
  readonly pingDeadline: number;
  /** Bytes a client may leave unread before the exchange lets go of it. */
  readonly unreadBytes: number;
  /** Requests to all of REST, and how long a client that exceeds them is refused. */
  readonly rest: { readonly most: number; readonly window: number; readonly ban: number };
};

/** Counts events in a sliding window. */
export class SlidingWindow {
  readonly #most: number;
  readonly #window: number;
  #times: number[] = [];

  constructor(most: number, window: number) {
    this.#most = most;
    this.#window = window;
  }

  /** Counts one event and returns whether it is still allowed. */
  admits(now: number): boolean {
    this.#times = this.#times.filter((time) => time > now - this.#window);
    this.#times.push(now);
    return this.#times.length <= this.#most;
  }

  /** Returns how many more are allowed now. */
  left(now: number): number {
    return Math.max(0, this.#most - this.#times.filter((time) => time > now - this.#window).length);
  }
}
