/**
 * A breakout, event by event: buys when a candle closes above the highest of the last `length` candles, and leaves by a stop
 * below or a target above.
 *
 *   mdtool backtest candles.parquet --strategy examples/breakout.js --param length=30
 *
 * `create` returns what is called back: `start`, `bar`, `trade`, `filled`, `refused`, `woken`, each with what happened and the broker.
 * Orders take effect after --latency. Use nothing but what you are given: no clock and no randomness.
 */

/** Every parameter and its default: `--param` and `--sweep` set them, anything else is refused. */
export const parameters = { length: 60, stop: 0.005, target: 0.01, share: 0.5 };

/** @param {typeof parameters} parameters @returns {import('mdtool').Strategy} */
export function create({ length, stop, target, share }) {
  const highs = [];
  let isComing = false;
  return {
    /** A candle is over. */
    bar(bar, broker) {
      const isBreakout = highs.length === length && bar.close > Math.max(...highs);
      highs.push(bar.high);
      if (highs.length > length) highs.shift();
      if (!isBreakout || isComing || broker.held('long').amount > 0) return;
      const amount = (broker.equity * share) / broker.price;
      const order = { kind: 'market', position: 'long', side: 'buy', amount, reason: 'entry' };
      isComing = broker.place(order) !== undefined;
    },
    /** One of our orders was filled: what closes a position goes when nothing is held any more. */
    filled(fill, broker) {
      isComing = false;
      if (!fill.opens) return;
      const exit = { position: 'long', side: 'sell', amount: fill.amount };
      broker.place({ ...exit, kind: 'stop', price: fill.price * (1 - stop), reason: 'stop' });
      broker.place({ ...exit, kind: 'limit', price: fill.price * (1 + target), reason: 'take_profit' });
    },
    /** The margin did not allow to open. */
    refused() {
      isComing = false;
    },
  };
}
