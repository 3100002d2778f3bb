import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CandleAggregator, openStoreWriter, readStore, type Trade, UsageError } from '../src/index.js';
import { ROOT } from './support/mdtool.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-library-'));
afterAll(() => rmSync(folder, { recursive: true }));

const trade = (second: number, price: number): Trade => ({
  type: 'trade',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: 1_717_200_000_000_000 + second * 1_000_000,
  id: `t${second}`,
  price,
  amount: 1,
  side: 'buy',
});

/** What a user compiles: it fails to compile when a type is wider than it says, or needs the types of Node. */
const USER = `
import { CandleAggregator, type FeatureModule, readStore, type Trade } from 'mdtool';

const candles = new CandleAggregator();
for await (const trades of readStore('data', { types: ['trade'] }))
  for (const trade of trades) for (const record of candles.add(trade)) void record.type;

for await (const records of readStore('data', { types: ['trade', 'gap'] })) {
  for (const record of records) {
    if (record.type === 'gap') void record.untilTimestamp;
    else {
      const one: Trade = record;
      void one;
    }
    // @ts-expect-error: no candle was asked for
    if (record.type === 'candle') void 0;
  }
}
for await (const records of readStore('data')) for (const record of records) void record.timestamp;
export const module: FeatureModule = {
  name: 'x',
  inputs: ['trade'],
  window: 1,
  create: () => ({ update: ({ close }) => close }),
};
`;

describe('the library', () => {
  it('has types of its own: a project without those of Node compiles, and records are those asked for', () => {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules/mdtool'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'user.ts'), USER);
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2023'],
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      types: [],
      skipLibCheck: false,
      preserveSymlinks: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }));
    const compile = () =>
      execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' });
    expect(compile()).toBe('');
  });

  it('builds 1-minute candles of trades without options', async () => {
    const writer = await openStoreWriter(join(folder, 'store'), { step: 'test' });
    await writer.write([trade(0, 10), trade(30, 12), trade(70, 11)]);
    await writer.close();
    const candles = new CandleAggregator();
    const made: unknown[] = [];
    for await (const trades of readStore(join(folder, 'store'), { types: ['trade'] }))
      for (const one of trades) made.push(...candles.add(one));
    expect([...made, ...candles.finish()]).toMatchObject([
      { interval: '1m', open: 10, high: 12, close: 12, volume: 2, source: 'trades', closed: true },
      { open: 11, close: 11, closed: false },
    ]);
  });

  it('refuses a store that is not there, and one that is none, instead of reading nothing', async () => {
    expect(() => readStore(join(folder, 'nowhere'))).toThrow(UsageError);
    await expect(readStore(folder).next()).rejects.toThrow(/is not an mdtool store/);
  });
});
