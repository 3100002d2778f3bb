import { counted } from '../../model/counted.js';
import type { RecordOf } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import type { Execution } from '../ledger.js';
import type { PositionSide } from '../orders.js';
import { Rounding } from '../rounding.js';
import type { Broker, RefusedOrder, Strategy } from '../strategy.js';

/** Fields of a `signal` record that the strategy uses. */
export type Signal = Pick<
  RecordOf<'signal'>,
  'knownTimestamp' | 'side' | 'stop' | 'takeProfit' | 'trailingDistance' | 'trailingArm' | 'timeoutSeconds'
>;

type SignalsOptions = {
  /** In any order. */
  readonly signals: readonly Signal[];
  /** Value of every entry, quote units. */
  readonly notional: number;
  readonly tickSize?: number | undefined;
};

/** One trade, from the entry order to the exit. */
type Trade = { readonly signal: Signal; deadline: number };

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Enters at the market when a signal becomes known; exits by stop, take profit, trailing stop or timeout, whichever is first.
 * Each side has one position: a signal for a side with a position or a pending entry is skipped. Prices round to a tick:
 * stops towards the loss, targets away from the entry. The timeout counts from the fill of the entry.
 */
export class SignalStrategy implements Strategy {
  readonly #signals: Signal[];
  readonly #notional: number;
  readonly #tick: Rounding;
  readonly #trades = new Map<PositionSide, Trade>();
  #next = 0;
  #taken = 0;
  #early = 0;
  #skipped = 0;

  constructor({ signals, notional, tickSize }: SignalsOptions) {
    this.#signals = [...signals].sort((a, b) => a.knownTimestamp - b.knownTimestamp);
    this.#notional = notional;
    this.#tick = new Rounding(tickSize);
  }

  start(broker: Broker): void {
    while ((this.#signals[this.#next]?.knownTimestamp ?? NEVER) < broker.now) this.#next++;
    this.#early = this.#next;
    this.#schedule(broker);
  }

  /** Adds a signal of a run whose data still arrives; `broker` is absent before its first event. */
  add(signal: Signal, broker: Broker | undefined): void {
    const later = this.#signals.findIndex(
      ({ knownTimestamp }, index) => index >= this.#next && knownTimestamp > signal.knownTimestamp,
    );
    this.#signals.splice(later < 0 ? this.#signals.length : later, 0, signal);
    if (broker) this.#schedule(broker);
  }

  woken(broker: Broker): void {
    for (const [position, trade] of this.#trades) if (trade.deadline <= broker.now) this.#leave(position, trade, broker);
    for (
      let signal = this.#signals[this.#next];
      signal && signal.knownTimestamp <= broker.now;
      signal = this.#signals[this.#next]
    ) {
      this.#next++;
      this.#enter(signal, broker);
    }
    this.#schedule(broker);
  }

  filled({ opens, position, held, amount }: Execution, broker: Broker): void {
    const trade = this.#trades.get(position);
    if (trade === undefined) return;
    if (opens) {
      trade.deadline = broker.now + trade.signal.timeoutSeconds * SECOND;
      this.#protect(position, amount, trade.signal, broker);
    } else if (held === 0) this.#trades.delete(position);
    this.#schedule(broker);
  }

  refused({ position, opens }: RefusedOrder, broker: Broker): void {
    if (opens) this.#trades.delete(position);
    this.#schedule(broker);
  }

  figures(): Readonly<Record<string, number>> {
    return { signals: this.#signals.length, signals_taken: this.#taken, signals_passed_over: this.#skipped };
  }

  notes(): readonly string[] {
    const later = this.#signals.length - this.#next;
    return [
      ...(this.#early > 0 ? [`${counted(this.#early, 'signal')} skipped: known before the data begins`] : []),
      ...(later > 0 ? [`${counted(later, 'signal')} skipped: known after the data ends`] : []),
    ];
  }

  #enter(signal: Signal, broker: Broker): void {
    const position = signal.side === 'buy' ? 'long' : 'short';
    if (this.#trades.has(position)) {
      this.#skipped++;
      return;
    }
    const amount = this.#notional / broker.price;
    const order = broker.place({ kind: 'market', position, side: signal.side, amount, reason: 'entry' });
    if (order === undefined) return;
    this.#taken++;
    this.#trades.set(position, { signal, deadline: NEVER });
  }

  #protect(position: PositionSide, amount: number, signal: Signal, broker: Broker): void {
    const { stop, takeProfit, trailingArm, trailingDistance: distance } = signal;
    const isLong = position === 'long';
    const side = isLong ? 'sell' : 'buy';
    const away = (price: number) => (isLong ? this.#tick.up(price) : this.#tick.down(price));
    const towards = (price: number) => (isLong ? this.#tick.down(price) : this.#tick.up(price));
    broker.place({ kind: 'stop', position, side, amount, price: towards(stop), reason: 'stop' });
    broker.place({ kind: 'limit', position, side, amount, price: away(takeProfit), reason: 'take_profit' });
    if (distance > 0)
      broker.place({ kind: 'trailing', position, side, amount, price: away(trailingArm), distance, reason: 'trailing' });
  }

  #leave(position: PositionSide, trade: Trade, broker: Broker): void {
    trade.deadline = NEVER;
    const side = position === 'long' ? 'sell' : 'buy';
    broker.place({ kind: 'market', position, side, amount: broker.held(position).amount, reason: 'timeout' });
  }

  #schedule(broker: Broker): void {
    let next = this.#signals[this.#next]?.knownTimestamp ?? NEVER;
    for (const { deadline } of this.#trades.values()) next = Math.min(next, deadline);
    broker.wakeAt(next);
  }
}
