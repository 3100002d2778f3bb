import { join } from 'node:path';
import type { AnyRecord } from '../../src/lib/model/records.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { market, raw } from './growing-features.js';
import { seeded } from './random.js';
import { gapRecord, tradeRecord } from './records.js';

const HOUR = 3_600_000_000;
/** 2026-11-19 00:00 UTC. */
const START = 1_795_046_400_000_000;
const SERIES = [
  ['bybit', 'linear', 'BTCUSDT'],
  ['bybit', 'linear', 'ETHUSDT'],
  ['bybit', 'inverse', 'BTCUSD'],
  ['bitget', 'spot', 'BTCUSDT'],
] as const;

/** Makes a store of four symbols on three markets and two days, with gaps, one of them over midnight. Returns its directory. */
export async function makeWorkerStore(directory: string, name: string, seed = 3): Promise<string> {
  const store = join(directory, name);
  const writer = await openStoreWriter(store, { step: 'test' });
  await writer.write([...trades(seed), ...gaps()].sort((a, b) => a.timestamp - b.timestamp));
  await writer.close();
  return store;
}

function trades(seed: number): AnyRecord[] {
  const random = seeded(seed);
  return SERIES.flatMap(([exchange, market, symbol]) =>
    Array.from({ length: 240 }, (_, index) => {
      const timestamp = START + index * 12 * 60_000_000 + Math.floor(random() * 6 * 60_000_000);
      const localTimestamp = timestamp + Math.floor(random() * 90_000);
      // Of an inverse market `amount / price` is summed. Quotients that are short decimals have one sum, in whatever order.
      const price = market === 'inverse' ? 2 ** Math.floor(random() * 8) : Math.round(random() * 1e5) / 100 + 1;
      const amount = Math.round(random() * 1e4) / 1e3 + 0.001;
      const side = random() < 0.5 ? ('buy' as const) : ('sell' as const);
      return tradeRecord({ exchange, market, symbol, timestamp, localTimestamp, id: `${index}`, price, amount, side });
    }),
  );
}

function gaps(): AnyRecord[] {
  const of = (symbol: string, from: number, until: number, missing: boolean) => {
    const [fromTimestamp, untilTimestamp] = [START + from * HOUR, START + until * HOUR];
    const times = { timestamp: untilTimestamp, localTimestamp: untilTimestamp + 5, fromTimestamp, untilTimestamp };
    return { ...gapRecord, symbol, ...times, missing };
  };
  return [of('BTCUSDT', 3, 4, true), of('ETHUSDT', 23.5, 24.5, true), of('ETHUSDT', 30, 31, true), of('ETHUSDT', 29, 32, false)];
}

/**
 * Returns the records of two symbols, and those that come later: the rest, a late trade, and a gap in what was
 * there. Rows go on from those that were made of the first.
 */
export function featureInputs(): readonly [AnyRecord[], AnyRecord[]] {
  const start = START + 12 * HOUR;
  const all = ['BTCUSDT', 'ETHUSDT'].flatMap((symbol, index) => [
    ...raw(market(symbol, start + index * 60_000_000, 0.15, 5 + index, index < 1) as AnyRecord[]),
  ]);
  const border = start + 360_000_000;
  const isFirst = ({ timestamp }: AnyRecord) => timestamp < border;
  const trade = all.find(({ type }) => type === 'trade') as AnyRecord & { readonly type: 'trade' };
  const late = { ...trade, id: 'late', timestamp: border - 200_000_000, localTimestamp: border + 1 };
  const [fromTimestamp, untilTimestamp] = [border - 90_000_000, border + 30_000_000];
  const times = { timestamp: untilTimestamp, localTimestamp: untilTimestamp + 5, fromTimestamp, untilTimestamp };
  const gap = { ...gapRecord, ...times, symbol: 'ETHUSDT', channel: 'book' };
  return [all.filter(isFirst), [...all.filter((record) => !isFirst(record)), late, gap]];
}

/**
 * Returns the records of two symbols on nine days, seconds on each and a silence of two days between them. The seventh and the
 * eighth day are those before and after a midnight: workers make the rows of seven days, then those of the rest.
 */
export function featureDays(): AnyRecord[] {
  const starts = Array.from(
    { length: 8 },
    (_, index) => START + index * 48 * HOUR + (index === 6 ? 24 * HOUR - 20_000_000 : HOUR),
  );
  return starts.flatMap((start, index) =>
    ['BTCUSDT', 'ETHUSDT'].flatMap((symbol, other) =>
      raw(market(symbol, start + other * 3_000_000, 0.012, 10 * index + other) as AnyRecord[]).map((record) =>
        record.type === 'trade' ? { ...record, id: `${index}-${record.id}` } : record,
      ),
    ),
  );
}
