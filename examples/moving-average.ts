/**
 * A moving-average cross: long while the fast average of closes is above the slow one, else short, with a share of the equity.
 *
 *   mdtool backtest candles.parquet --strategy examples/moving-average.ts --param fast=20 --param slow=50
 *
 * `exposure` says for every candle what is wanted once it is over, as a signed multiple of equity; a change trades at the
 * next opening. Value i may only use candles 0 to i. It gets the columns of all candles at once and is the fast way.
 */
import type { ModuleParameters, StrategyBars } from 'mdtool';

/** Every parameter and its default: `--param` and `--sweep` set them, anything else is refused. */
export const parameters = { fast: 20, slow: 50, share: 1 };

export function exposure({ close }: StrategyBars, { fast, slow, share }: ModuleParameters & typeof parameters): Float64Array {
  const wanted = new Float64Array(close.length);
  let fastSum = 0;
  let slowSum = 0;
  for (let i = 0; i < close.length; i++) {
    const price = close[i] as number;
    fastSum += price - (i >= fast ? (close[i - fast] as number) : 0);
    slowSum += price - (i >= slow ? (close[i - slow] as number) : 0);
    if (i >= slow - 1) wanted[i] = fastSum / fast > slowSum / slow ? share : -share;
  }
  return wanted;
}
