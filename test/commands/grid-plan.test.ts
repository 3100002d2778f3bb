import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, tapeLines } from '../support/frames.js';
import { mdtool } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-'));
afterAll(() => rmSync(folder, { recursive: true }));

const EXAMPLE = ['--price', '0.5', '--deposit', '10', '--tick-size', '0.0001', '--lot-size', '0.1'];
const plan = (...args: string[]) => mdtoolHere(['grid', 'plan', ...args]);

type Row = Record<string, unknown> & { readonly type: string };
const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
const summaryOf = (text: string) => rowsOf(text).at(-1) as Row & { detail: Record<string, Record<string, unknown>> };

describe('grid plan', () => {
  it('gives the levels and then the plan as NDJSON, exit 4 where it is unsafe', async () => {
    const { stdout, stderr, code } = await mdtool(['grid', 'plan', ...EXAMPLE]);
    const rows = rowsOf(stdout);
    expect(code).toBe(4);
    expect(rows.map(({ type }) => type)).toEqual([...new Array(15).fill('grid_level'), 'grid_plan']);
    expect(rows[3]).toMatchObject({ level: 3, price: 0.4571, amount: 5.2, status: 'liquidated before' });
    expect(rows.at(-1)).toMatchObject({ committed_notional: 137.07686, first_unsafe_level: 3 });
    expect(stderr).toMatch(/^mdtool: level 3 at 0\.4571: liquidated before: levels 0 to 2 are liquidated at 0\.4613/);
  });

  it('draws a table that reads at 100 columns, with the liquidation line and the reason', async () => {
    const { stdout, code } = await plan(...EXAMPLE, '--format', 'table', '--filled', '3');
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(4);
    expect(Math.max(...lines.slice(0, 22).map((line) => line.length))).toBeLessThanOrEqual(100);
    const liquidation = lines.findIndex((line) => line.includes('liquidated at 0.4613, 7.7 % below the start'));
    expect(lines[liquidation - 1]).toMatch(/^✓ +2 +0\.4714 .*●/);
    expect(lines[liquidation + 1]).toMatch(/^✗► +3 +0\.4571 /);
    expect(stdout).toContain('✗ level 3 at 0.4571: liquidated before');
    expect(stdout).toContain('levels 3 to 14: liquidated before');
    expect(stdout).toContain('3 levels filled: average 0.483114, break-even 0.483356, take profit 0.4928, profit 0.0888');
  });

  it('draws the ladder so that a level never lies beyond the liquidation before it in a safe plan', async () => {
    const { stdout, code } = await plan(...EXAMPLE, '--leverage', '5', '--format', 'table');
    expect(code).toBe(0);
    const ladders = stdout.split('\n').filter((line) => /^✓ +\d/.test(line));
    expect(ladders).toHaveLength(15);
    for (const [index, line] of ladders.slice(1).entries())
      expect(line.indexOf('●')).toBeGreaterThanOrEqual((ladders[index] as string).indexOf('×'));
    expect(stdout).toContain('── all levels liquidated at');
  });

  it('gives the ladder as CSV, both types to files, and one document with --json', async () => {
    const csv = await plan(...EXAMPLE, '--format', 'csv');
    expect(csv.stdout.split('\n')[0]).toMatch(/,level,kind,side,price,amount,notional/);
    expect(csv.stdout.trimEnd().split('\n')).toHaveLength(16);
    const files = await plan(...EXAMPLE, '-o', join(folder, '{type}.csv'));
    expect(files.code).toBe(4);
    expect(readFileSync(join(folder, 'grid_plan.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(2);
    const json = await plan(...EXAMPLE, '--json');
    const document = JSON.parse(json.stdout);
    expect(document).toMatchObject({ command: 'grid plan', exit_code: 4, records: { grid_level: 15, grid_plan: 1 } });
    expect(document.data).toHaveLength(16);
  });

  it('draws an SVG, whole, and keeps one that is there', async () => {
    const path = join(folder, 'grid.svg');
    const first = await plan(...EXAMPLE, '--svg', path);
    expect(first.code).toBe(4);
    const svg = readFileSync(path, 'utf8');
    expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(svg.match(/<circle /g)).toHaveLength(15);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const again = await plan(...EXAMPLE, '--svg', path);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toMatch(/already exists/);
  });

  it('finds the limit, with what happens one step beyond', async () => {
    const { stdout, code } = await plan(...EXAMPLE, '--solve', 'leverage');
    expect(code).toBe(0);
    const { leverage, detail } = summaryOf(stdout);
    expect(leverage).toBe(6);
    expect(detail.solve).toMatchObject({ parameter: 'leverage', limit: 6, beyond: { value: 7, first_unsafe_level: 12 } });
    const beyond = await plan(...EXAMPLE, '--leverage', '7');
    expect(beyond.code).toBe(4);
    const none = await plan(...EXAMPLE, '--solve', 'leverage', '--min-notional', '1000');
    expect(none.code).toBe(4);
    expect(none.stderr).toMatch(/no safe leverage found/);
  });

  it('takes a list of distances, percentages and fractions', async () => {
    const { stdout } = await plan('--price', '100', '--deposit', '50', '--leverage', '2', '--spacing-list', '1%,0.025,5 %');
    expect(rowsOf(stdout).map(({ price }) => price)).toEqual([100, 99, 97.5, 95, 100]);
  });

  it('is tried on candles: coverage, depth and time under water', async () => {
    const path = join(folder, 'candles.ndjson');
    const identity = {
      type: 'candle',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'CRVUSDT',
      interval: '1m',
      source: 'exchange',
    };
    const lines = Array.from({ length: 500 }, (_, index) => {
      const close = 0.5 * Math.exp(0.08 * Math.sin(index / 40));
      const prices = { open: close, high: close * 1.002, low: close * 0.998, close, volume: 1, closed: true };
      return JSON.stringify({ ...identity, timestamp: 1_795_000_020_000_000 + index * 60_000_000, ...prices });
    });
    writeFileSync(path, `${lines.join('\n')}\nbroken\n`);
    const { stdout, stderr, code } = await plan(...EXAMPLE, '--coverage', '5%', '--stress', path);
    expect(code).toBe(3);
    expect(stderr).toMatch(/1 candle line could not be read: .*candles\.ndjson:501/);
    const { stress } = summaryOf(stdout).detail;
    expect(stress).toMatchObject({ symbol: 'CRVUSDT', candles: 500, starts: 499, every: 1 });
    expect(stress?.exceeded).toBeGreaterThan(50);
    const table = await plan(...EXAMPLE, '--coverage', '5%', '--stress', path, '--format', 'table');
    expect(table.stdout).toMatch(/stress test on 500 candles of CRVUSDT 1m/);
    expect(table.stdout.replace(/\n +/g, ' ')).toMatch(/499 grids started.* coverage exceeded \d+ \(/);
    expect((await plan(...EXAMPLE, '--stress', 'store', '--store', join(folder, 'none'))).code).toBe(1);
    const idle = await plan(...EXAMPLE, '--since', '1d');
    expect([idle.code, idle.stderr]).toEqual([2, expect.stringContaining('--since needs --stress')]);
  });

  it.each([
    [['--price', '0'], /^mdtool: price: expected a number above zero, was 0\n$/],
    [['--deposit=-5'], /^mdtool: deposit: expected a number above zero, was -5\n$/],
    [['--coverage', '100%'], /^mdtool: coverage: expected a number above 0 % and below 100 %, was 100 %\n$/],
    [['--levels', '1'], /^mdtool: levels: .*was 1\n$/],
    [['--leverage', '60', '--max-leverage', '50'], /^mdtool: leverage: .*50x.*\n$/],
    [['--tick-size', '0.5'], /^mdtool: tick size: .*\n$/],
    [
      ['--take-profit', 'two'],
      /^mdtool: --take-profit: expected a percentage such as 2% or a fraction such as 0.02, was "two"\n$/,
    ],
    [['--solve', 'levels'], /^mdtool: --solve: expected one of leverage, multiplier, coverage, deposit, was "levels"\n$/],
    [['--spacing-list', '1%', '--levels', '4'], /^mdtool: --levels and --spacing-list cannot be used together/],
    [['--filled', '16'], /^mdtool: filled: expected 1 to 15 levels, was 16\n$/],
    [['--exchange', 'bybit'], /^mdtool: missing --symbols/],
    [
      ['--exchange', 'bybit', '--market', 'inverse', '--symbols', 'BTCUSD'],
      /^mdtool: --market: inverse contracts are not supported/,
    ],
  ])('refuses %j with one line', async (args, message) => {
    const base = ['--price', '--deposit'].flatMap((flag) => (args.some((arg) => arg.startsWith(flag)) ? [] : [flag, '10']));
    const { stdout, stderr, code } = await plan(...base, ...args);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toMatch(message);
  });

  it('wants a deposit, and a price or a symbol', async () => {
    expect((await plan('--price', '1')).stderr).toMatch(/missing required flag --deposit/);
    expect(await plan('--deposit', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^mdtool: missing --price/),
    });
  });

  it('takes zero minimums and fees', async () => {
    const zeros = ['--min-notional', '0', '--min-amount', '0', '--maker-fee', '0', '--taker-fee', '0%', '--leverage', '3'];
    const { stdout, code } = await plan(...EXAMPLE, ...zeros);
    expect(code).toBe(0);
    expect(summaryOf(stdout)).toMatchObject({ min_notional: 0, maker_fee: 0, entry_fees: 0 });
  });
});

describe('grid plan on an exchange', () => {
  /** Recorded instrument lists, and rows in the shape of the protocol pages for what was not recorded. */
  const lists = new Map(
    tapeLines('bybit-v5.tape.ndjson.gz')
      .filter(({ http }) => typeof http === 'string')
      .map(({ http, body }) => [new URL(String(http)).searchParams.get('category'), String(body)] as const),
  );
  const recorded = JSON.parse(readFileSync(fixture('bitget/rest-v2-recorded.json'), 'utf8')) as Record<string, unknown>;
  const bitget = (data: unknown) => JSON.stringify({ code: '00000', msg: 'success', data });
  const bybit = (list: unknown) => JSON.stringify({ retCode: 0, retMsg: 'OK', result: { category: 'linear', list }, time: 1 });
  const symbol = 'ETHUSDT';
  const answers: Record<string, (query: URLSearchParams) => string | undefined> = {
    '/v5/market/instruments-info': (query) => lists.get(query.get('category')),
    '/v5/market/risk-limit': () =>
      bybit([
        {
          symbol,
          riskLimitValue: '900000',
          maintenanceMargin: '0.005',
          initialMargin: '0.01',
          maxLeverage: '100',
          mmDeduction: '',
        },
      ]),
    '/v5/market/tickers': () => bybit([{ symbol, lastPrice: '2500.00' }]),
    '/api/v2/mix/market/contracts': (query) =>
      JSON.stringify(recorded[`GET /api/v2/mix/market/contracts?productType=${query.get('productType')}`]),
    '/api/v2/mix/market/query-position-lever': () =>
      bitget([{ symbol, level: '1', startUnit: '0', endUnit: '1000000', leverage: '100', keepMarginRate: '0.005' }]),
    '/api/v2/mix/market/ticker': () => bitget([{ symbol, lastPr: '2500', ts: String(Date.now() - 1500) }]),
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const body = answers[pathname]?.(searchParams);
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '{}');
  });
  let env: Record<string, string> = {};
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    env = { MDTOOL_BITGET_REST_URL: origin, MDTOOL_BYBIT_REST_URL: origin };
  });
  afterAll(() => void server.close());

  const online = (...args: string[]) => mdtoolHere(['grid', 'plan', '--deposit', '1000', '--levels', '5', ...args], { env });

  it('takes limits, tiers and the last price of Bybit, and says that its fees are not known', async () => {
    const { stdout, stderr, code } = await online('--exchange', 'bybit', '--symbols', 'ETH/USDT:USDT', '--leverage', '3');
    expect(stderr).toMatch(/bybit does not publish its fees/);
    expect(code).toBe(0);
    const summary = summaryOf(stdout);
    expect(summary).toMatchObject({ exchange: 'bybit', market: 'linear', symbol, price: 2500 });
    expect(summary.maintenance_rate).toBeUndefined();
    expect(summary.tick_size).toBe(0.01);
    expect(summary.maintenance_tiers).toEqual([{ up_to: 900_000, rate: 0.005, deduction: 0, max_leverage: 100 }]);
    expect(rowsOf(stdout)[0]).toMatchObject({ type: 'grid_level', exchange: 'bybit', symbol });
  });

  it("counts Bitget's fee to close as maintenance, and reports the age of its price", async () => {
    const { stdout, stderr } = await online(
      '--exchange',
      'bitget',
      '--symbols',
      symbol,
      '--price-band-down',
      '90%',
      '--taker-fee',
      '0.0006',
    );
    const age = /price 2500 is the last traded price on bitget, ([\d.]+) s old/.exec(stderr)?.[1];
    expect(Number(age)).toBeGreaterThanOrEqual(1.5);
    const summary = summaryOf(stdout);
    expect(summary.maintenance_tiers).toEqual([{ up_to: 1_000_000, rate: 0.0056, deduction: 0, max_leverage: 100 }]);
    expect(summary.price_band_down).toBe(0.9);
  });

  it('prefers flags', async () => {
    const flags = [
      '--price',
      '2000',
      '--tick-size',
      '0.5',
      '--maintenance-rate',
      '1%',
      '--maker-fee',
      '0.1%',
      '--taker-fee',
      '0.1%',
    ];
    const { stdout, stderr } = await online('--exchange', 'bybit', '--symbols', symbol, ...flags);
    expect(stderr).not.toMatch(/warning/);
    expect(summaryOf(stdout)).toMatchObject({ price: 2000, tick_size: 0.5, maintenance_rate: 0.01, maker_fee: 0.001 });
  });

  it('refuses a leverage above the instrument, an unknown symbol, and shorts on spot', async () => {
    expect(await online('--exchange', 'bybit', '--symbols', symbol, '--leverage', '1000')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/that the instrument allows, was 1000x/),
    });
    expect(await online('--exchange', 'bybit', '--symbols', 'NOSUCHUSDT')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/unknown symbol NOSUCHUSDT on bybit linear/),
    });
    const spot = await mdtoolHere(
      [
        'grid',
        'plan',
        '--deposit',
        '1000',
        '--price',
        '2500',
        '--exchange',
        'bybit',
        '--market',
        'spot',
        '--symbols',
        symbol,
        '--side',
        'short',
      ],
      { env },
    );
    expect(spot).toMatchObject({ code: 2, stderr: expect.stringMatching(/--side: expected long on spot/) });
  });

  it('plans spot at 1×, which nothing liquidates', async () => {
    const args = ['--price', '2500', '--exchange', 'bybit', '--market', 'spot', '--symbols', symbol];
    const { stdout, code } = await mdtoolHere(['grid', 'plan', '--deposit', '10000', '--levels', '5', ...args], { env });
    expect(code).toBe(0);
    expect(summaryOf(stdout)).toMatchObject({ leverage: 1, market: 'spot' });
    expect(rowsOf(stdout).every(({ liquidation_price }) => liquidation_price === undefined)).toBe(true);
  });

  it('ends with 5 when the exchange cannot be reached', async () => {
    const dead = { MDTOOL_BYBIT_REST_URL: 'http://127.0.0.1:1' };
    const { stdout, code } = await mdtoolHere(['grid', 'plan', '--deposit', '1', '--exchange', 'bybit', '--symbols', symbol], {
      env: dead,
    });
    expect({ stdout, code }).toEqual({ stdout: '', code: 5 });
  });
});
