import { FailureError } from '../../model/errors.js';
import type { Execution } from '../ledger.js';
import type { Bars } from '../market-data.js';
import type { Order, PositionSide } from '../orders.js';
import type { Broker, Strategy } from '../strategy.js';

const SIDES: readonly PositionSide[] = ['long', 'short'];

/**
 * Follows a wish per candle: the position, as a signed multiple of equity, that is wanted once the candle is over. Only a
 * change of the wish trades, at the market: what is held against it is closed, and what is wanted opened for the equity and
 * the price of that moment. Between changes nothing looks at the candles, so that such a run is as fast as its loop.
 */
export class ExposureStrategy implements Strategy {
  readonly exposure: Float64Array;
  /** The candles that wish for something else than the one before. */
  readonly changes: number[] = [];
  readonly #bars: Bars;
  #next = 0;
  #change = 0;
  #current = 0;
  #isRepeated = false;

  /** `exposure` has one finite value per candle; it must follow from this candle and those before it. */
  constructor(exposure: Float64Array, bars: Bars) {
    if (exposure.length !== bars.time.length)
      throw new FailureError(`exposure: expected one value per candle, ${bars.time.length}, found ${exposure.length}`);
    const wrong = exposure.length === 0 ? -1 : this.#findChanges(exposure);
    if (wrong >= 0) throw new FailureError(`exposure: expected finite numbers, was ${exposure[wrong]} at candle ${wrong}`);
    this.exposure = exposure;
    this.#bars = bars;
  }

  /** Notes the candles that wish for something else than the one before; returns the first that wishes for no number, or −1. */
  #findChanges(exposure: Float64Array): number {
    const { changes } = this;
    let before = exposure[0] as number;
    for (let index = 0; index < exposure.length; index++) {
      const wish = exposure[index] as number;
      if (wish === before) continue;
      // x − x is 0 for finite numbers, and NaN for the others.
      if (wish - wish !== 0) return index;
      changes.push(index);
      before = wish;
    }
    return before - before === 0 ? -1 : 0;
  }

  start(broker: Broker): void {
    this.#follow(broker);
  }

  woken(broker: Broker): void {
    this.#follow(broker);
  }

  /** What is wanted is opened after what was held against it is closed, so that its margin is free. */
  filled({ reason, held }: Execution, broker: Broker): void {
    if (reason === 'exit' && held === 0) this.#open(broker);
  }

  /** The price has moved beyond what the margin covers: it is sent again, once, for the price there is now. */
  rejected(_: Order, broker: Broker): void {
    if (this.#isRepeated) return;
    this.#isRepeated = true;
    this.#open(broker);
  }

  #follow(broker: Broker): void {
    this.#isRepeated = false;
    this.#current = this.exposure[this.#next] as number;
    const wanted = this.#current > 0 ? 'long' : this.#current < 0 ? 'short' : undefined;
    const against = SIDES.find((position) => position !== wanted && broker.held(position).amount > 0);
    if (against === undefined) this.#open(broker);
    else this.#close(against, broker.held(against).amount, broker);
    this.#schedule(broker);
  }

  /** Opens what is missing of what is wanted, or closes what is too much. */
  #open(broker: Broker): void {
    if (this.#current === 0) return;
    const position: PositionSide = this.#current > 0 ? 'long' : 'short';
    const missing = (Math.abs(this.#current) * broker.equity) / broker.price - broker.held(position).amount;
    const side = position === 'long' ? 'buy' : 'sell';
    if (missing < 0) this.#close(position, -missing, broker);
    else broker.place({ kind: 'market', position, side, amount: missing, reason: 'entry' });
  }

  #close(position: PositionSide, amount: number, broker: Broker): void {
    broker.place({ kind: 'market', position, side: position === 'long' ? 'sell' : 'buy', amount, reason: 'exit' });
  }

  #schedule(broker: Broker): void {
    const next = this.changes[this.#change++];
    if (next === undefined) return;
    this.#next = next;
    broker.wakeAt((this.#bars.time[next] as number) + this.#bars.interval);
  }
}
