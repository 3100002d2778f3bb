import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { candleStep } from '../../../../src/lib/candles/store/candle-run.js';
import { streamCandles } from '../../../../src/lib/candles/store/candle-step.js';
import { parseIntervals } from '../../../../src/lib/model/interval.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { Trade } from '../../../../src/lib/model/records.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { tradeRecord } from '../../../support/records.js';
import { temporaryDirectory } from '../../storage/support.js';

const MINUTE = 60_000_000;
/** 2024-06-01 00:00 UTC. */
const START = 1_717_200_000_000_000;

it.each([
  { since: 30, until: undefined, open: 'first-trade' as const },
  { since: undefined, until: 90, open: 'first-trade' as const },
  { since: 61, until: 119, open: 'first-trade' as const },
  { since: 70, until: 130, open: 'previous-close' as const },
])('a candle that $since or $until cuts is made of all its trades, alike from file, pipe and store', async (edges) => {
  const trades = Array.from({ length: 180 }, (_, index): Trade => {
    const timestamp = START + index * MINUTE;
    return tradeRecord({ timestamp, localTimestamp: timestamp + 1, id: `${index}`, price: 100 + index, amount: 1 });
  });
  const directory = await temporaryDirectory();
  const [file, store] = [join(directory, 'trades.ndjson'), join(directory, 'store')];
  writeFileSync(file, trades.map(encodeRecord).join('\n'));
  const writer = await openStoreWriter(store, { step: 'test' });
  await writer.write(trades);
  await writer.close();

  const at = (minute: number | undefined) => (minute === undefined ? undefined : START + minute * MINUTE);
  const selection = { since: at(edges.since), until: at(edges.until) };
  const { open } = edges;
  const candles = {
    ...{ intervals: parseIntervals(['5m', '1h']), open, empty: 'skip' as const, grace: 0, source: 'trades' as const },
    amountUnit: () => 'base' as const,
  };
  const request = { directory: store, selection, candles, stopped: new AbortController().signal, warn() {} };
  const linesOf = async (records: AsyncIterable<readonly Parameters<typeof encodeRecord>[0][]>) => {
    const lines: string[] = [];
    for await (const batch of records) lines.push(...batch.map(encodeRecord));
    return lines.sort();
  };
  async function* pipe() {
    yield trades;
  }
  const fromFile = await linesOf(candleStep.overInput({ ...request, input: [file] }).records);
  expect(await linesOf(streamCandles(pipe(), selection, candles).records)).toEqual(fromFile);
  expect(await linesOf((await candleStep.besideStore({ ...request, input: [] })).records)).toEqual(fromFile);
  const hours = fromFile.map((line) => JSON.parse(line)).filter(({ interval }) => interval === '1h');
  expect(hours.length).toBeGreaterThan(0);
  for (const hour of hours.filter(({ timestamp }) => timestamp < START + 120 * MINUTE))
    expect(hour).toMatchObject({ volume: 60, trades: 60, closed: true, complete: true });
});
