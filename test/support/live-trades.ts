import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import type { ExchangeServer } from './exchange-server/index.js';

export const gapsOf = (records: readonly AnyRecord[]): Gap[] => records.filter((record): record is Gap => record.type === 'gap');

/** Ids of the trades, of one symbol where it is named, in order. */
export const idsOf = (records: readonly AnyRecord[], symbol?: string): string[] =>
  records.flatMap((record) =>
    record.type === 'trade' && (symbol === undefined || record.symbol === symbol) ? [(record as Trade).id] : [],
  );

/** Ids of the trades since the `from`th of a symbol that are neither emitted nor inside a gap with `missing: true`. */
export function lostInSilence(server: ExchangeServer, symbol: string, from: number, records: readonly AnyRecord[]): string[] {
  const known = new Set(idsOf(records));
  const gaps = gapsOf(records).filter(({ missing }) => missing);
  const covers = (time: number) => gaps.some((gap) => gap.fromTimestamp <= time * 1_000 && time * 1_000 <= gap.untilTimestamp);
  const truth = server.trades('linear', symbol).slice(from);
  return truth.filter(({ id, time }) => !known.has(id) && !covers(time)).map(({ id }) => id);
}
