import type { GridLevel, GridPlan } from '../../../lib/model/records.js';
import { Exact } from '../../../lib/model/ticks.js';

/** Records of a plan. */
export type GridView = { readonly plan: GridPlan; readonly levels: readonly GridLevel[] };

/** Significant digits of prices and amounts without a step size. */
const DIGITS = 8;

/** Formats prices, amounts and money of one plan with aligned decimals. */
export type NumberFormat = {
  price(value: number | undefined): string;
  /** Average prices: two more decimals, because they lie between ticks. */
  average(value: number | undefined): string;
  amount(value: number | undefined): string;
  money(value: number | undefined): string;
};

/** Creates the number format of a plan: prices with the decimals of the tick, amounts with those of the lot. */
export function createNumberFormat({ tickSize, lotSize, budgetNotional }: GridPlan): NumberFormat {
  return {
    price: formatWithStep(tickSize, 0),
    average: formatWithStep(tickSize, 2),
    amount: formatWithStep(lotSize, 0),
    money: (value) => (value === undefined ? '' : value.toFixed(budgetNotional >= 1000 ? 2 : 4)),
  };
}

function formatWithStep(step: number | undefined, more: number): (value: number | undefined) => string {
  const decimals = step === undefined ? undefined : new Exact(step).decimalPlaces() + more;
  return (value) => {
    if (value === undefined) return '';
    const exact = new Exact(value);
    return decimals === undefined ? exact.toSignificantDigits(DIGITS).toString() : exact.toFixed(decimals, Exact.ROUND_HALF_UP);
  };
}

/** Returns a percentage with at most two decimals. */
export function percentText(value: number | undefined): string {
  return value === undefined ? '' : `${Number(value.toFixed(2))} %`;
}

/** Returns a duration in its two largest units: `4 h 5 min`. */
export function durationText(seconds: number): string {
  const units: [name: string, size: number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let rest = Math.round(seconds);
  const parts = units.slice(first, first + 2).map(([name, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return [count, name] as const;
  });
  return parts
    .filter(([count]) => count > 0)
    .map((part) => part.join(' '))
    .join(' ');
}
