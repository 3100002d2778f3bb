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
  /** The candles that wish for something else than the one before; before the first nothing is wished for. */
  readonly changes: readonly number[];
  readonly #bars: Bars;
  #change = 0;
  #current = 0;
  #isRepeated = false;

  /** `exposure` has one finite value per candle; it must follow from this candle and those before it. */
  constructor(exposure: Float64Array, bars: Bars) {
    if (exposure.length !== bars.time.length)
      throw new FailureError(`exposure: expected one value per candle, ${bars.time.length}, found ${exposure.length}`);
    this.exposure = exposure;
    this.changes = changesOf(exposure);
    this.#bars = bars;
  }

  start(broker: Broker): void {
    if (this.changes[0] === 0) this.#follow(broker);
    this.#schedule(broker);
  }

  woken(broker: Broker): void {
    this.#follow(broker);
    this.#schedule(broker);
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
    this.#current = this.exposure[this.changes[this.#change++] as number] as number;
    const wanted = this.#current > 0 ? 'long' : this.#current < 0 ? 'short' : undefined;
    const against = SIDES.find((position) => position !== wanted && broker.held(position).amount > 0);
    if (against === undefined) this.#open(broker);
    else this.#close(against, broker.held(against).amount, broker);
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
    const next = this.changes[this.#change];
    if (next !== undefined) broker.wakeAt((this.#bars.time[next] as number) + this.#bars.interval);
  }
}

/** Returns where the wish changes. Throws a `FailureError` where it is no finite number. */
function changesOf(exposure: Float64Array): number[] {
  const changes: number[] = [];
  let before = 0;
  for (let index = 0; index < exposure.length; index++) {
    const wish = exposure[index] as number;
    if (wish === before) continue;
    if (!Number.isFinite(wish)) throw new FailureError(`exposure: expected finite numbers, was ${wish} at candle ${index}`);
    changes.push(index);
    before = wish;
  }
  return changes;
}
