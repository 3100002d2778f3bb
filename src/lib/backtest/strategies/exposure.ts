import { FailureError } from '../../model/errors.js';
import type { Execution } from '../ledger.js';
import type { Bars } from '../market-data.js';
import type { PositionSide } from '../orders.js';
import type { Broker, Strategy } from '../strategy.js';

const SIDES: readonly PositionSide[] = ['long', 'short'];

/**
 * Follows a target exposure per candle: the position to hold after the candle, a signed multiple of equity. Only a change of
 * the target trades, with market orders: it closes the opposite position, then opens the target for the current equity and
 * price. Between changes no candle is processed.
 */
export class ExposureStrategy implements Strategy {
  readonly exposure: Float64Array;
  /** Candles whose target differs from the one before; the target before the first candle is flat. */
  readonly changes: readonly number[];
  readonly #bars: Bars;
  #change = 0;
  #current = 0;
  #isRepeated = false;

  /** `exposure` has one finite value per candle; each must depend on this candle and earlier ones only. */
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

  /** Opens the target only after the opposite position is closed: until then its margin is not free. */
  filled({ reason, held }: Execution, broker: Broker): void {
    if (reason === 'exit' && held === 0) this.#open(broker);
  }

  /** The price moved beyond what the margin covers: sends the order once more, sized for the current price. */
  refused(_: unknown, broker: Broker): void {
    if (this.#isRepeated) return;
    this.#isRepeated = true;
    this.#open(broker);
  }

  #follow(broker: Broker): void {
    this.#isRepeated = false;
    this.#current = this.exposure[this.changes[this.#change++] as number] as number;
    const wantedSide = this.#current > 0 ? 'long' : this.#current < 0 ? 'short' : undefined;
    const against = SIDES.find((position) => position !== wantedSide && broker.held(position).amount > 0);
    if (against === undefined) this.#open(broker);
    else this.#close(against, broker.held(against).amount, broker);
  }

  /** Opens the part of the target that is missing, or closes the excess. */
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

/** Returns the candles at which the target changes. Throws a `FailureError` on a value that is not finite. */
function changesOf(exposure: Float64Array): number[] {
  const changes: number[] = [];
  let before = 0;
  for (let index = 0; index < exposure.length; index++) {
    const target = exposure[index] as number;
    if (target === before) continue;
    if (!Number.isFinite(target)) throw new FailureError(`exposure: expected finite numbers, was ${target} at candle ${index}`);
    changes.push(index);
    before = target;
  }
  return changes;
}
