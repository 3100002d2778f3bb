import type { FeatureWarmUp } from '../features/feature-series.js';
import type { SymbolWarmUp } from '../features/symbol-series.js';
import { counted } from '../model/counted.js';
import { MINUTE } from '../model/time.js';
import { dayOf, timeOfDay } from './time-zone.js';

/** From this many seconds on a window is in minutes. */
const IN_MINUTES = 180;

/** Returns how far a symbol is from its first signal, `mark_dev_z 6 of 60 min, first signal possible at 17:09`; undefined if it is warm. */
export function warmUpText({ features, end }: SymbolWarmUp): string | undefined {
  const slowest = slowestOf(features);
  if (!slowest) return undefined;
  const others = new Set(features.map(({ name }) => name.replace(/_pct$/, ''))).size - 1;
  const more = others > 0 ? ` and ${others} more` : '';
  if (slowest.ready === undefined) return `${slowest.name} has no input yet${more}`;
  return `${slowest.name} ${shareText(slowest)}${more}, first signal possible at ${minuteOf(slowest.ready, end)}`;
}

/** Returns one line about the symbols that are not warm, with the one that is nearest to its first signal; undefined when all are. */
export function warmUpLine(symbols: readonly SymbolWarmUp[]): string | undefined {
  const cold = symbols.filter(({ features }) => features.length > 0);
  const [nearest] = [...cold].sort((a, b) => readyAt(a) - readyAt(b));
  if (!nearest) return undefined;
  const more = cold.length > 1 ? `; ${counted(cold.length - 1, 'more symbol')} warming up` : '';
  return `warming up: ${nearest.symbol} ${warmUpText(nearest)}${more}`;
}

/** Returns what says each minute how far the warm-up is, and once that it is over. */
export function warmUpNotes(warmUp: () => readonly SymbolWarmUp[]): () => string | undefined {
  let wasCold = false;
  return () => {
    const symbols = warmUp();
    const line = warmUpLine(symbols);
    const isOver = wasCold && line === undefined;
    wasCold = line !== undefined;
    return isOver ? `warm: ${counted(symbols.length, 'symbol')}, signals are possible` : line;
  };
}

/** When a symbol can have its first signal; infinite while an input is missing. */
function readyAt({ features }: SymbolWarmUp): number {
  return slowestOf(features)?.ready ?? Number.POSITIVE_INFINITY;
}

/** One without input is the slowest: nobody knows when it begins. */
function slowestOf(features: readonly FeatureWarmUp[]): FeatureWarmUp | undefined {
  const ready = (one: FeatureWarmUp) => one.ready ?? Number.POSITIVE_INFINITY;
  return features.reduce<FeatureWarmUp | undefined>(
    (slowest, one) => (slowest === undefined || ready(one) > ready(slowest) ? one : slowest),
    undefined,
  );
}

function shareText({ have, need, unit }: FeatureWarmUp): string {
  if (unit === 'candles') return `${have} of ${need} candles`;
  return need < IN_MINUTES ? `${have} of ${need} s` : `${Math.floor(have / 60)} of ${Math.ceil(need / 60)} min`;
}

/** `Dec 1`: with the year a line would not fit a terminal of 80 columns. */
const DAY_NAME = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', timeZone: 'UTC' });

/** The minute by which it is surely possible, with its day unless that is today's. */
function minuteOf(time: number, now: number): string {
  const minute = Math.ceil(time / MINUTE) * MINUTE;
  const day = dayOf(minute);
  return `${timeOfDay(minute).slice(0, 5)}${day === dayOf(now) ? '' : ` on ${DAY_NAME.format(new Date(day))}`}`;
}
