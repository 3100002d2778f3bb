import { describe, expect, it } from 'vitest';
import type { FeatureRow } from '../../../src/lib/features/feature-series.js';
import type { MicroRow } from '../../../src/lib/features/micro-series.js';
import { FEATURES } from '../../../src/lib/features/registry.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { columnsOf } from '../../../src/lib/model/records.js';
import { camelCase } from '../../../src/lib/model/schema.js';
import { featureRun } from '../../support/feature-runs.js';
import { PLAIN_WINDOWS, type PlainSecond, type PlainWindows, plainFeatures, plainSeconds } from '../../support/plain-features.js';
import { seeded } from '../../support/random.js';
import { replayed } from '../../support/replayed.js';
import { syntheticMarket } from '../../support/synthetic-market.js';

const SHORT: PlainWindows = { delta_z: 30, imb_shift: 7, ofi: 5, mark_dev_z: 40, oi_z: 50, realized_vol: 25 };
const START = 1_795_132_800_000_000;
const PROPERTIES = FEATURES.map(({ name }) => camelCase(name)) as (keyof FeatureRow)[];

function same(found: unknown, expected: number | undefined): boolean {
  if (expected === undefined || found === undefined) return found === expected;
  return Math.abs((found as number) - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
}

/** Every value that is not the reference's, as text. */
function differences(rows: readonly FeatureRow[], seconds: readonly PlainSecond[], windows: PlainWindows, step = 1): string[] {
  const found: string[] = [];
  if (rows.length !== seconds.length) found.push(`${rows.length} rows, expected ${seconds.length}`);
  for (let index = 0; index < rows.length; index += step) {
    const row = rows[index] as FeatureRow;
    const expected = plainFeatures(seconds, index, windows);
    for (const property of PROPERTIES) {
      if (!same(row[property], expected[property]))
        found.push(`${index} ${property} ${row[property]}, expected ${expected[property]}`);
    }
  }
  return found.slice(0, 10);
}

function secondDifferences(rows: readonly MicroRow[], seconds: readonly PlainSecond[]): string[] {
  const columns = [
    'open',
    'high',
    'low',
    'close',
    'delta',
    'trades',
    'imbalance',
    'spreadBps',
    'ofi',
    'mark',
    'index',
    'openInterest',
    'fundingRate',
  ] as const;
  return rows.flatMap((row, index) =>
    columns.filter((column) => !same(row[column], seconds[index]?.[column])).map((column) => `${index} ${column} ${row[column]}`),
  );
}

/** A dense stretch of the synthetic market, thinned at random so that silences, stale quotes and thin windows occur. */
function randomMarket(seed: number, start: number, keep: number): AnyRecord[] {
  const random = seeded(seed);
  const options = { seed, start, hours: 0.08, denseHours: 0.08, events: [{ at: start + 200_000_000, side: 'buy' as const }] };
  let silent = 0;
  return [...syntheticMarket(options)].filter((record) => {
    if (record.type === 'clock') return false;
    if (random() < 0.002) silent = record.timestamp + Math.floor(random() * 40) * 1_000_000;
    return record.timestamp > silent && random() < keep;
  });
}

describe('features against a plain computation over every window', () => {
  it('know every column and nothing else', () => {
    const columns = columnsOf('features').map(([name]) => name);
    expect(columns).toEqual(expect.arrayContaining(FEATURES.map(({ name }) => name)));
  });

  it.each([
    [1, START + 17_000_000, 1],
    [2, START, 0.9],
    [3, START - 130_000_000, 0.8],
    [4, START + 599_000_000, 0.5],
  ])('are the same on random market %i', (seed, start, keep) => {
    const records = randomMarket(seed, start, keep);
    const { micro, features } = featureRun(records, { windows: new Map(Object.entries(SHORT)) });
    const seconds = plainSeconds(records);
    expect(features.length).toBeGreaterThan(250);
    expect(secondDifferences(micro, seconds)).toEqual([]);
    expect(differences(features, seconds, SHORT)).toEqual([]);
  });

  it('are the same with the windows of the definition and a warm ATR, sampled over hours', () => {
    const options = { seed: 11, start: START - 4 * 3_600_000_000, hours: 6, denseHours: 1.5, events: [] };
    const records = [...syntheticMarket(options)].filter(({ type }) => type !== 'clock');
    const { features } = featureRun(records);
    const seconds = plainSecondsInParts(records);
    expect(differences(features, seconds, PLAIN_WINDOWS, 271)).toEqual([]);
    expect(features.at(-1)?.oiZ).toBeTypeOf('number');
    expect(features.at(-1)?.atr15m).toBeTypeOf('number');
  });

  it.each([
    ['fixtures/bybit-v5.tape.ndjson.gz', 'bybit'],
    ['fixtures/bitget-v2.tape.ndjson.gz', 'bitget'],
  ])('are the same on the tape %s', async (tape, exchange) => {
    const { records } = await replayed([tape], exchange, ['trade', 'ticker', 'book']);
    const { features } = featureRun(
      records.filter(({ type }) => type !== 'clock' && type !== 'gap'),
      { grace: 60_000_000, windows: new Map(Object.entries(SHORT)) },
    );
    const symbols = new Set(features.map(({ market, symbol }) => `${market} ${symbol}`));
    for (const symbol of [...symbols].slice(0, 12)) {
      const ofSymbol = (record: AnyRecord) => 'symbol' in record && `${record.market} ${record.symbol}` === symbol;
      const seconds = plainSeconds(records.filter((record) => ofSymbol(record) && isInput(record)));
      expect(differences(features.filter(ofSymbol), seconds, SHORT)).toEqual([]);
    }
    expect(symbols.size).toBeGreaterThan(0);
  });
});

const INPUT_TYPES = new Set(['trade', 'book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding']);
const isInput = (record: AnyRecord) => INPUT_TYPES.has(record.type) && !(record.type === 'funding' && record.settled === true);

/** The plain seconds look at every record for each second; an hour at a time keeps that short. */
function plainSecondsInParts(records: readonly AnyRecord[]): PlainSecond[] {
  const first = Math.floor((records[0] as AnyRecord).timestamp / 1_000_000) * 1_000_000;
  const last = Math.max(...records.map(({ timestamp }) => timestamp));
  const end = Math.floor(last / 1_000_000) * 1_000_000 + 1_000_000;
  const PART = 600_000_000;
  const seconds: PlainSecond[] = [];
  for (let from = first; from < end; from += PART) {
    const until = Math.min(end, from + PART);
    const part = records.filter(({ timestamp }) => timestamp >= from - 200_000_000 && timestamp < until);
    seconds.push(...plainSeconds(part, { from, until }));
  }
  return seconds;
}

describe('arrival', () => {
  it('in another order, by a clock, by arrivals or in order of time gives the same rows to the last digit', () => {
    const windows = new Map(Object.entries(SHORT));
    const options = {
      seed: 21,
      start: START,
      hours: 0.1,
      denseHours: 0.1,
      events: [{ at: START + 100_000_000, side: 'sell' as const }],
    };
    const live = [...syntheticMarket(options)];
    const piped = featureRun(live, { windows });
    const unclocked = featureRun(
      live.filter(({ type }) => type !== 'clock'),
      { windows },
    );
    const stored = featureRun(
      live.filter(({ type }) => type !== 'clock').sort((a, b) => a.timestamp - b.timestamp || (a.type < b.type ? 1 : -1)),
      { windows },
    );
    expect(stored.features).toEqual(piped.features);
    expect(stored.micro).toEqual(piped.micro);
    expect(unclocked.features).toEqual(piped.features);
    expect(piped.features.length).toBe(360);
    expect(piped.counts.late + stored.counts.late + unclocked.counts.late).toBe(0);
  });

  it('later than where the data began changes nothing once the windows are full', () => {
    const windows = new Map(Object.entries(SHORT));
    const options = { seed: 22, start: START, hours: 0.15, denseHours: 0.15, events: [] };
    const all = [...syntheticMarket(options)];
    const whole = featureRun(all, { windows }).features;
    const cut = START + 123_000_000;
    const part = featureRun(
      all.filter(({ timestamp }) => timestamp >= cut),
      { windows },
    ).features;
    const strip = ({ cvd, detail, ...rest }: FeatureRow) => ({ ...rest, atr15m: 0, atr15mPct: 0, localTimestamp: 0, warm: 0 });
    const later = whole.filter(({ timestamp }) => timestamp > cut + 120_000_000);
    expect(part.filter(({ timestamp }) => timestamp > cut + 120_000_000).map(strip)).toEqual(later.map(strip));
  });
});
