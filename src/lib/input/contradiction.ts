import { isOtherTrade } from '../model/order.js';
import type { Trade } from '../model/records.js';
import { seriesKey } from '../model/series.js';
import { readInput } from './input.js';
import type { InputListener } from './input-listener.js';

/** Returns why a trade is rejected that has the id of another one; the places are those of its line and of the other's. */
export function contradictionText({ id, symbol, price, amount, side }: Trade, place: string, firstPlace: string): string {
  return `${place}: trade id "${id}" of ${symbol} is that of another trade (${firstPlace}); this one (${side ? `${side} ` : ''}${amount} at ${price}) is rejected`;
}

/** Reads files again to report the trades that contradict an earlier one, with both places. `isSuspect` accepts the trades to compare. */
export async function reportContradictions(
  paths: readonly string[],
  isSuspect: (trade: Trade) => boolean,
  listener: Pick<InputListener, 'broken'>,
): Promise<void> {
  const first = new Map<string, { readonly trade: Trade; readonly place: string }>();
  const taken: InputListener['taken'] = (trade, place) => {
    if (trade.type !== 'trade' || !isSuspect(trade)) return;
    const key = `${seriesKey(trade)} ${trade.id}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, { trade, place });
    else if (isOtherTrade(trade, known.trade)) listener.broken(contradictionText(trade, place, known.place));
  };
  for await (const _ of readInput(paths, { broken() {}, taken }));
}
