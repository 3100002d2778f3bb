/**
 * A feature of your own: the balance of taker volume over a window, from -1 (all sells) to 1 (all buys).
 *
 *   mdtool features --feature examples/flow-balance.js --window flow_balance=2m
 *   mdtool signals --triggers delta_z,flow_balance=0.3
 *
 * `features test --feature FILE` proves that it does not look ahead, gives the same live and in batch, and depends on no more
 * than its declared warm-up. So the sums are made anew each second: a sum that is added to and subtracted from for days
 * carries the rounding errors of all of them, and depends on where the data began.
 */

/** The key in the column `own`. */
export const name = 'flow_balance';
export const definition = '(buy volume − sell volume) / volume over the window';
/** A gap in one of these makes the feature absent until its window is full again. */
export const inputs = ['trade'];
/** Seconds that it looks back on; `--window flow_balance=2m` sets another. */
export const window = 60;

/** Called for each symbol, and again after a silence. @param {number} window @returns {import('mdtool').OwnMeasure} */
export function create(window) {
  const buys = [];
  const sells = [];
  return {
    /** Takes a second (the columns of `micro`, in camel case); returns the feature at its end, undefined for none. */
    update(second) {
      buys.push(second.buyVolume);
      sells.push(second.sellVolume);
      if (buys.length > window) {
        buys.shift();
        sells.shift();
      }
      const bought = buys.reduce((sum, volume) => sum + volume, 0);
      const sold = sells.reduce((sum, volume) => sum + volume, 0);
      return bought + sold > 0 ? (bought - sold) / (bought + sold) : undefined;
    },
  };
}
