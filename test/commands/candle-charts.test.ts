import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGap } from '../../src/lib/model/gap.js';
import type { AnyRecord, RecordOf } from '../../src/lib/model/records.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { isInstalled } from '../support/installed.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { tradeRecord } from '../support/records.js';

const hasChromium = isInstalled('chromium', 'tests of the charts in a browser');
const folder = mkdtempSync(join(tmpdir(), 'charts-'));
const START = Math.floor(tradeRecord().timestamp / 60_000_000) * 60_000_000;
const SECOND = 1_000_000;
const MINUTES = 30;

const { exchange, market } = tradeRecord();

/** A trade every ten seconds of two symbols, features of one of them, a signal in its 12th minute and a gap of minutes 20 to 22. */
function records(): AnyRecord[] {
  const out: AnyRecord[] = [];
  for (let index = 0; index < MINUTES * 6; index++) {
    const timestamp = START + index * 10 * SECOND;
    for (const [place, symbol] of ['BTCUSDT', 'ETHUSDT'].entries()) {
      if (symbol === 'BTCUSDT' && index >= 120 && index < 132) continue;
      const price = (place === 0 ? 80_000 : 3_000) + 20 * Math.sin(index / 9);
      out.push(tradeRecord({ symbol, id: `${symbol}-${index}`, price, amount: 1, timestamp }));
    }
    const row = { type: 'features', exchange, market, symbol: 'BTCUSDT', timestamp: timestamp + SECOND } as const;
    const values = { deltaZ: Math.sin(index / 5), imbShift: index / 1_000, warm: true, gapInWindow: false };
    out.push({ ...row, knownTimestamp: row.timestamp + SECOND, ...values } as RecordOf<'features'>);
  }
  const signal = {
    type: 'signal',
    exchange,
    market,
    symbol: 'BTCUSDT',
    timestamp: START + 12 * 60 * SECOND,
    side: 'buy',
  } as const;
  const risk = { stop: 79_000, takeProfit: 81_000, trailingDistance: 0.01, trailingArm: 80_500, timeoutSeconds: 60, gates: {} };
  out.push({ ...signal, id: 'one', price: 80_010, knownTimestamp: signal.timestamp, ...risk } as unknown as AnyRecord);
  const span = {
    from: START + 1_200 * SECOND,
    until: START + 1_320 * SECOND,
    reason: 'disconnect',
    localTimestamp: START + 1_330 * SECOND,
  } as const;
  out.push(buildGap({ exchange: exchange as string, market: market as 'linear', symbol: 'BTCUSDT', channel: 'trade' }, span));
  return out;
}

beforeAll(async () => {
  const writer = await openStoreWriter(join(folder, 'data'), { step: 'stream', onWarning: () => {} });
  await writer.write(
    records().map((record, index) => ({ ...record, localTimestamp: record.timestamp + index + 1 }) as AnyRecord),
  );
  await writer.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => mdtoolHere(args, { cwd: folder });

/** What the page has become in a browser, its scripts run. */
function dumped(file: string): Promise<string> {
  const flags = `--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=${join(folder, 'chromium')} --dump-dom`;
  return new Promise((resolve, reject) => {
    execFile('chromium', [...flags.split(' '), `file://${file}`], { maxBuffer: 1 << 26, timeout: 60_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

describe('the charts of candles', () => {
  it('are a page with volume, gaps, signals and features on one time axis', async () => {
    const { code, stderr } = await run('candles', '--interval', '1m', '-o', 'none', '--html', 'charts.html');
    expect([code, stderr]).toEqual([0, expect.stringContaining('candles: ')]);
    const page = readFileSync(join(folder, 'charts.html'), 'utf8');
    const { symbols } = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '');
    const [btc, eth] = symbols;
    expect([btc.candles.length, eth.candles.length]).toEqual([MINUTES - 2, MINUTES]);
    expect(btc.gaps).toEqual([20, 21].map((minute) => START / SECOND + minute * 60));
    expect(btc.signals).toEqual([{ time: START / SECOND + 720, side: 'buy', text: 'long 80010' }]);
    expect(btc.features.map(({ name }: { name: string }) => name)).toEqual(['delta_z', 'imb_shift']);
    // The last row of the first minute is that of its 51st second.
    expect(btc.features[1].points[0]).toEqual({ time: START / SECOND, value: 0.005 });
    expect([eth.gaps, eth.signals, eth.features]).toEqual([[], [], []]);
    expect(page).toContain('28 candles, ');
    expect(page).toContain(', 1 gap, 1 signal</div>');
    expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)=/);
  });

  it('are the same page of files as of the store', async () => {
    for (const type of ['trade', 'gap', 'features', 'signal'])
      await run('query', `select * from ${type}`, '-o', `own-${type}.ndjson`);
    const files = ['own-trade.ndjson', 'own-gap.ndjson', 'own-features.ndjson', 'own-signal.ndjson'];
    const { code, stderr } = await run('candles', ...files, '--interval', '1m', '-o', 'none', '--html', 'files.html');
    expect([code, stderr]).toEqual([0, expect.stringContaining('candles: ')]);
    const dataOf = (name: string) =>
      JSON.parse(/id="data">(.*?)<\/script>/s.exec(readFileSync(join(folder, name), 'utf8'))?.[1] ?? '');
    expect(dataOf('files.html')).toEqual(dataOf('charts.html'));
  });

  it.skipIf(!hasChromium)('are drawn by a browser', async () => {
    const dom = await dumped(join(folder, 'charts.html'));
    expect(dom).toContain('data-drawn="2"');
    expect(dom).toMatch(/id="chart-0"[^>]*data-panes="3"/);
    expect(dom).toMatch(/id="chart-1"[^>]*data-panes="1"/);
    expect(dom).toMatch(/id="legend-0"[^>]*>\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}· {2}O /);
  });

  it('are drawn in a terminal for each named symbol, else for the largest', async () => {
    const titles = (text: string) => text.match(/^\w+USDT 1m .* candles/gm)?.map((line) => line.split(' ')[0]);
    const both = await run('candles', '-o', '-', '--plot', '--symbols', 'ETHUSDT,BTCUSDT');
    expect(titles(both.stdout)).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(titles((await run('candles', '-o', '-', '--plot')).stdout)).toEqual(['BTCUSDT']);
  });

  it('follow a stream on a terminal only', async () => {
    const ofStore = await run('candles', '--plot', '--follow');
    expect([ofStore.code, ofStore.stderr]).toEqual([2, expect.stringContaining('mdtool: --follow draws what arrives')]);
    const piped = await run('candles', '-', '--plot', '--follow');
    expect([piped.code, piped.stderr]).toEqual([2, expect.stringContaining('mdtool: --follow draws on a terminal')]);
  });

  it('are a page of features below the price, with the gaps shown', async () => {
    await run('query', 'select * from gap', '-o', 'features-gap.ndjson');
    await run('query', 'select * from trade', '-o', 'features-trade.ndjson');
    const files = ['features-trade.ndjson', 'features-gap.ndjson'];
    const { code, stderr } = await run('features', ...files, '--plot', 'spread_bps,cvd', '--html', 'features.html');
    expect([code, stderr]).toEqual([0, expect.stringContaining('features: ')]);
    const page = readFileSync(join(folder, 'features.html'), 'utf8');
    const { symbols } = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '');
    const [btc] = symbols;
    expect(symbols).toHaveLength(2);
    expect(btc.features.map(({ name }: { name: string }) => name)).toEqual(['spread_bps', 'cvd']);
    expect(btc.features[0].points[0]).toEqual({ time: expect.any(Number) });
    expect(btc.candles[0]).toEqual({ time: START / SECOND + 1, close: 80_000 });
    expect([btc.gaps[0], btc.gaps.length]).toEqual([START / SECOND + 1_200, 120]);
    expect(page).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)=/);
    const again = await run('features', ...files, '--plot', 'cvd', '--html', 'features.html');
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('features.html already exists')]);
  });

  it.skipIf(!hasChromium)('of features are drawn by a browser', async () => {
    const dom = await dumped(join(folder, 'features.html'));
    expect(dom).toContain('data-drawn="2"');
    expect(dom).toMatch(/id="chart-0"[^>]*data-panes="3"/);
    expect(dom).toMatch(/id="legend-0"[^>]*>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}· {2}price /);
  });

  it('are lines of several features', async () => {
    const { stdout } = await run('features', '--plot', 'delta_z,imb_shift');
    expect(stdout.match(/^(?:delta_z|imb_shift) of .*BTCUSDT/gm)).toEqual([
      expect.stringContaining('delta_z'),
      expect.stringContaining('imb_shift'),
    ]);
    const wrong = await run('features', '--plot', 'delta_z,imb_shft', '--html', 'wrong.html');
    expect(existsSync(join(folder, 'wrong.html'))).toBe(false);
    expect(wrong.stderr).toMatch(/was "imb_shft"; did you mean imb_shift\?$/m);
  });
});
