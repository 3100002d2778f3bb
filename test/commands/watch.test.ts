import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const directory = mkdtempSync(join(tmpdir(), 'watch-'));
let server: ExchangeServer;
let env: Record<string, string>;

beforeAll(async () => {
  const history = { trades: 3_000, duration: 5 * 3_600_000 };
  server = await startExchangeServer('bybit', { symbols: { linear: 2 }, rate: 200, history, keepBooks: false });
  env = { ...server.environment };
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Short windows and no thresholds: signals follow within seconds. */
const QUICK = [
  '--window=delta_z=2s,imb_shift=2s,mark_dev_z=2s',
  ...['--delta-z=0', '--imb-shift=0', '--mark-dev-z=0', '--gates=none', '--cooldown=1s', '--timeout=1s'],
];
const watch = (...args: string[]) => ['watch', '--exchange', 'bybit', '--market', 'linear', ...args];

describe('watch', () => {
  it('fetches candles, streams, computes and trades on paper, into a pipe and a store', async () => {
    const store = join(directory, 'data');
    const child = start(watch(...QUICK, '--rows=features,signal,fill', '--record', '--store', store), { env });
    const result = finished(child);
    let printed = '';
    child.stdout?.on('data', (text) => {
      printed += text;
    });
    await expect.poll(() => /"type":"fill"/.test(printed) && /of 200 candles/.test(printed), { timeout: 100_000 }).toBe(true);
    child.kill('SIGINT');
    const { stdout, stderr, code } = await result;
    expect([code, stderr]).toEqual([0, expect.stringContaining('watch: ')]);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ofType = (type: string) => records.filter((record) => record.type === type);
    expect(new Set(ofType('features').map(({ symbol }) => symbol)).size).toBe(2);
    expect(ofType('fill')[0]).toMatchObject({ reason: 'entry', liquidity: 'taker' });
    expect(ofType('signal').length).toBeGreaterThan(0);
    // 20 bars of 15 minutes, as far as they are closed.
    expect(stdout).toMatch(/(?:18|19|20|21) of 200 candles/);
    expect(stderr).toMatch(/signals?, \d+ trades? closed, \d open, [-+]?[\d.]+ on paper after [\d.]+ in fees/);
    expect(stderr).toContain(`next: mdtool features --store ${store}`);
    const stored = await mdtoolHere(['query', 'select count(*)::int as trades from trade', '--store', store], { env });
    expect(JSON.parse(stored.stdout).trades).toBeGreaterThan(20);
  }, 150_000);

  it.each([
    [
      ['watch', '--exchange', 'bybit', '--market', 'spot'],
      'mdtool: --market spot: signals compare the last price with the mark price',
    ],
    [
      watch('--rows=signals'),
      'mdtool: --rows: expected some of signal, fill, features, micro, was "signals"; did you mean signal?',
    ],
    [watch('--symbols=BTCUSTD'), 'mdtool: unknown symbol BTCUSTD on bybit linear; did you mean BTCUSDT?'],
    [watch('--symbols=BTC'), 'mdtool: unknown symbol BTC on bybit linear; did you mean BTC'],
    [watch('--symbols=eth-usd'), 'mdtool: unknown symbol eth-usd on bybit linear; did you mean ETHUSDT?'],
    [watch('--stop-min=2%', '--stop-max=1%'), 'mdtool: signals: expected stop between 0 and 1'],
    [['watch', '--market', 'linear'], 'mdtool: missing required flag --exchange'],
  ])('refuses %j in one line', async (args, line) => {
    const { stderr, code } = await mdtoolHere(args, { env });
    expect(stderr).toContain(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });
});
