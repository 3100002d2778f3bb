import { FailureError } from '../../model/errors.js';
import type { Execution } from '../ledger.js';
import type { Bars } from '../market-data.js';
import type { Order, PositionSide } from '../orders.js';
import type { Broker, Strategy } from '../strategy.js';

/**
 * Follows a wish per candle: the position, as a signed multiple of equity, that is wanted once the candle is over. Only a
 * change of the wish trades, at the market: what is held against it is closed, and what is wanted opened for the equity and
 * the price of that moment. Between changes nothing looks at the candles, so that such a run is as fast as its loop.
 */
export class ExposureStrategy implements Strategy {
  readonly #exposure: Float64Array;
  readonly #bars: Bars;
  #next = 0;
  #current = 0;
  #isRepeated = false;

  /** `exposure` has one finite value per candle; it must follow from this candle and those before it. */
  constructor(exposure: Float64Array, bars: Bars) {
    if (exposure.length !== bars.time.length)
      throw new FailureError(`exposure: expected one value per candle, ${bars.time.length}, found ${exposure.length}`);
    const wrong = exposure.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new FailureError(`exposure: expected finite numbers, was ${exposure[wrong]} at candle ${wrong}`);
    this.#exposure = exposure;
    this.#bars = bars;
  }

  start(broker: Broker): void {
    this.#follow(broker);
  }

  woken(broker: Broker): void {
    this.#follow(broker);
  }

  /** What is wanted is opened after what was held is closed, so that its margin is free. */
  filled({ opens, held }: Execution, broker: Broker): void {
    if (!opens && held === 0) this.#open(broker);
  }

  /** The price has moved beyond what the margin covers: it is sent again, once, for the price there is now. */
  rejected(_: Order, broker: Broker): void {
    if (this.#isRepeated) return;
    this.#isRepeated = true;
    this.#open(broker);
  }

  #follow(broker: Broker): void {
    this.#isRepeated = false;
    this.#current = this.#exposure[this.#next] as number;
    const closing = (['long', 'short'] as const).filter((position) => broker.held(position).amount > 0);
    for (const position of closing) {
      const side = position === 'long' ? 'sell' : 'buy';
      broker.place({ kind: 'market', position, side, amount: broker.held(position).amount, reason: 'exit' });
    }
    if (closing.length === 0) this.#open(broker);
    this.#schedule(broker);
  }

  #open(broker: Broker): void {
    if (this.#current === 0) return;
    const position: PositionSide = this.#current > 0 ? 'long' : 'short';
    const side = position === 'long' ? 'buy' : 'sell';
    const amount = (Math.abs(this.#current) * broker.equity) / broker.price;
    broker.place({ kind: 'market', position, side, amount, reason: 'entry' });
  }

  #schedule(broker: Broker): void {
    const exposure = this.#exposure;
    let next = this.#next + 1;
    while (next < exposure.length && exposure[next] === this.#current) next++;
    if (next >= exposure.length) return;
    this.#next = next;
    broker.wakeAt((this.#bars.time[next] as number) + this.#bars.interval);
  }
}
