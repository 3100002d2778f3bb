import type { Trade } from '../model/records.js';

/** Returns why a trade is rejected that has the id of another one; the places are those of its line and of the other's. */
export function contradictionText({ id, symbol, price, amount, side }: Trade, place: string, firstPlace: string): string {
  return `${place}: trade id "${id}" of ${symbol} is that of another trade at ${firstPlace}; this one (${side} ${amount} at ${price}) is rejected`;
}
