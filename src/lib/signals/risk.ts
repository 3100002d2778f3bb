import type { Side } from '../model/records.js';
import { SECOND } from '../model/time.js';
import type { Distance, SignalRules } from './rules.js';

/** Exits of a position: prices, and the trailing distance as a fraction of the price. */
type Risk = {
  readonly stop: number;
  readonly takeProfit: number;
  readonly trailingDistance: number;
  readonly trailingArm: number;
  readonly timeoutSeconds: number;
};

/** Digits of prices: those of the entry price and a few more, without the noise of a product. */
const DIGITS = 12;

/** Returns stop, target, trailing and timeout of an entry at `price`; `atr` is a fraction of the price. */
export function riskOf(side: Side, price: number, atr: number, rules: SignalRules): Risk {
  const ahead = side === 'buy' ? 1 : -1;
  const at = (distance: number) => Number((price * (1 + ahead * distance)).toPrecision(DIGITS));
  const target = clamped(rules.takeProfit, atr);
  return {
    stop: at(-clamped(rules.stop, atr)),
    takeProfit: at(target),
    trailingDistance: clamped(rules.trailing, atr),
    trailingArm: at(target * rules.trailingArm),
    timeoutSeconds: rules.timeout / SECOND,
  };
}

function clamped({ atr: factor, min, max }: Distance, atr: number): number {
  return Math.min(max, Math.max(min, factor * atr));
}
