import type { Exchange, HandshakeRefusal } from './exchange.js';
import type { Faults } from './faults.js';
import { type Limits, type Rule, SlidingWindow } from './rules.js';
import type { Session } from './session.js';

const MINUTE = 60_000;

/** Decides who may connect: scripted refusals first, then bans and the exchange's limits. */
export class Gate {
  readonly #exchange: Exchange;
  readonly #limits: Limits;
  readonly #faults: Faults;
  readonly #violate: (rule: Rule, detail: string) => void;
  readonly #connects: SlidingWindow;
  #bannedUntil = Number.NEGATIVE_INFINITY;

  constructor(exchange: Exchange, limits: Limits, faults: Faults, violate: (rule: Rule, detail: string) => void) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#faults = faults;
    this.#violate = violate;
    this.#connects = new SlidingWindow(limits.connectsPerFiveMinutes, 5 * MINUTE);
  }

  ban(until: number): void {
    this.#bannedUntil = until;
  }

  /** Returns how a connect to `path` at rule time `now` fails, undefined where it may. */
  refuse(path: string, now: number, open: readonly Session[]): HandshakeRefusal | 'cut' | undefined {
    const fault = this.#faults.takeConnect();
    if (fault !== undefined) return fault === 'cut' ? 'cut' : { status: fault, body: '' };
    if (!this.#exchange.protocols.has(path)) return { status: 404, body: '' };
    if (now < this.#bannedUntil) return this.#turnAway('connect-while-banned', path);
    const { connectsPerFiveMinutes, concurrentConnections } = this.#limits;
    if (!this.#connects.admits(now)) return this.#turnAway('connects-per-five-minutes', `more than ${connectsPerFiveMinutes}`);
    const { most, isPerPath } = concurrentConnections;
    const counted = isPerPath ? open.filter((session) => session.path === path) : open;
    return counted.length < most ? undefined : this.#turnAway('concurrent-connections', `more than ${most}`);
  }

  #turnAway(rule: Rule, detail: string): HandshakeRefusal {
    this.#violate(rule, detail);
    return this.#exchange.tooManyConnects;
  }
}
