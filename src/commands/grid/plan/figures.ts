import type { GridLevel, GridPlan } from '../../../lib/model/records.js';
import { Exact } from '../../../lib/model/ticks.js';

/** A plan as its records say it. */
export type GridView = { readonly plan: GridPlan; readonly levels: readonly GridLevel[] };

/** Significant digits of prices and amounts without a step. */
const DIGITS = 8;

/** Writes prices, amounts and money of one plan so that the digits of a column stand below each other. */
export type GridFigures = {
  price(value: number | undefined): string;
  /** Averages lie between ticks. */
  average(value: number | undefined): string;
  amount(value: number | undefined): string;
  money(value: number | undefined): string;
};

/** Returns how the figures of a plan are written: prices with the digits of the tick, amounts with those of the lot. */
export function figuresOf({ tickSize, lotSize, budgetNotional }: GridPlan): GridFigures {
  return {
    price: onStep(tickSize, 0),
    average: onStep(tickSize, 2),
    amount: onStep(lotSize, 0),
    money: (value) => (value === undefined ? '' : value.toFixed(budgetNotional >= 1000 ? 2 : 4)),
  };
}

function onStep(step: number | undefined, more: number): (value: number | undefined) => string {
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

/** Returns a number of seconds as people say it: `4 h 5 min`. */
export function spanText(seconds: number): string {
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
