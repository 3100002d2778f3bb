import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled } from '../support/installed.js';
import { type Finished, mdtool, ROOT } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

type Row = Readonly<Record<string, unknown>> & { readonly type: string };

const folder = mkdtempSync(join(tmpdir(), 'mdtool-backtest-'));
const inFolder = (name: string) => join(folder, name);
const CANDLES = inFolder('candles.csv');
const GRID = '--strategy grid --leverage 3 --coverage 8% --levels 8 --take-profit 0.4% --tick-size 1 --lot-size 0.0001'.split(
  ' ',
);
const hasChromium = isInstalled('chromium', 'tests of the report in a browser');

beforeAll(() => {
  // Two days, in which the price fell by a tenth.
  const lines = gunzipSync(readFileSync(join(ROOT, 'fixtures/btc-perp-1m-2022-01.csv.gz')))
    .toString()
    .split('\n');
  writeFileSync(CANDLES, `${[lines[0], ...lines.slice(5800, 8300)].join('\n')}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const backtest = (...args: string[]) => mdtoolHere(['backtest', ...args], { cwd: folder });
const backtestProcess = (...args: string[]) => mdtool(['backtest', ...args], { cwd: folder });
const rowsOf = ({ stdout }: Finished) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
const ofType = (rows: readonly Row[], type: string) => rows.filter((row) => row.type === type);

function fillsHash(stdout: string, runId: unknown): string {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"type":"fill"') && line.includes(`"run_id":"${runId}"`));
  return createHash('sha256')
    .update(lines.map((line) => `${line.replace(`"run_id":"${runId}",`, '')}\n`).join(''))
    .digest('hex');
}

describe('backtest', () => {
  it('ends with 3 when no row of the input can be read: the data is at fault, not the command line', async () => {
    const path = inFolder('rounded.csv');
    const row = (id: number) => `1.76E+12,1,1,buy,BTCUSDT,bybit,linear,${id}`;
    writeFileSync(path, `timestamp,price,amount,side,symbol,exchange,market,id\n${row(1)}\n${row(2)}\n`);
    const { code, stderr } = await backtest(path, ...GRID);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/no trades or candles in .*rounded.csv: 2 rows could not be read/)]);
    writeFileSync(path, 'timestamp,price,amount,side,symbol,exchange,market,id\n');
    expect((await backtest(path, ...GRID)).code).toBe(2);
  });

  it.each([[], ['--since', '2022-01-02']])('refuses an input beyond --memory with what it has (%j)', async (...more) => {
    const { code, stdout, stderr } = await backtest(CANDLES, ...GRID, '--memory', '100KB', ...more);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^mdtool: --memory: expected an input of at most 100\.0 kB, has [\d,]+ candles at 110 bytes or more; .*\n$/,
    );
    expect((await backtest(CANDLES, ...GRID, '--memory', 'lots')).stderr).toMatch(/--memory: expected a size such as/);
  });

  it('gives fills, equity and a run for both paths; the hash is that of the fills', async () => {
    const result = await backtest(CANDLES, ...GRID);
    expect(result.code, result.stderr).toBe(0);
    const rows = rowsOf(result);
    const runs = ofType(rows, 'run');
    expect(runs.map(({ path }) => path)).toEqual(['high-first', 'low-first']);
    for (const run of runs) {
      const metrics = run.metrics as Record<string, number>;
      const fills = ofType(rows, 'fill').filter(({ run_id: id }) => id === run.run_id);
      expect(fills).toHaveLength(metrics.fills as number);
      expect(fillsHash(result.stdout, run.run_id)).toBe(run.fills_hash);
      const sum = (name: string) => fills.reduce((total, fill) => total + (fill[name] as number), 0);
      expect(metrics.fees).toBeCloseTo(sum('fee'), 8);
      expect(metrics.realized_pnl).toBeCloseTo(sum('realized_pnl'), 8);
      const equity = ofType(rows, 'equity').filter(({ run_id: id }) => id === run.run_id);
      expect(equity.at(-1)?.equity).toBe(metrics.final_equity);
    }
  });

  it('gives the same bytes again, from stdin as well', async () => {
    const first = await backtest(CANDLES, ...GRID);
    const again = await backtest(CANDLES, ...GRID);
    expect(again.stdout).toBe(first.stdout);
    const [names = '', ...rows] = readFileSync(CANDLES, 'utf8').trim().split('\n');
    const header = names.split(',');
    const numbers = new Set(['timestamp', 'open', 'high', 'low', 'close', 'volume', 'turnover']);
    const input = rows
      .map((row) => {
        const cells = row
          .split(',')
          .map((cell, index) => [header[index], numbers.has(header[index] as string) ? Number(cell) : cell]);
        return JSON.stringify({ type: 'candle', ...Object.fromEntries(cells), closed: true, complete: true });
      })
      .join('\n');
    const piped = await mdtool(['backtest', '-', ...GRID], { cwd: folder, input: `${input}\n` });
    expect(piped.stdout).toBe(first.stdout);
  });

  it('ranks a sweep the same with one and two threads, and goes on from where it was stopped', async () => {
    const sweep = [CANDLES, ...GRID, '--sweep', 'multiplier=1.1:1.5:0.2', '--sweep', 'slippage=0%,0.05%'];
    const one = await backtest(...sweep, '--resume', 'sweep.ndjson');
    expect(one.code, one.stderr).toBe(0);
    const two = await backtestProcess(...sweep, '--workers', '2');
    expect(two.stdout).toBe(one.stdout);
    const ranks = ofType(rowsOf(one), 'run').map((run) => [
      (run.detail as { rank: number }).rank,
      (run.metrics as { net_profit: number }).net_profit,
    ]);
    expect(ranks.map(([rank]) => rank)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    // Of two paths the lower value decides.
    const decisive = ranks
      .filter((_, index) => index % 2 === 0)
      .map((_, index) => Math.min(ranks[index * 2]?.[1] ?? 0, ranks[index * 2 + 1]?.[1] ?? 0));
    expect([...decisive].sort((a, b) => b - a)).toEqual(decisive);
    const log = readFileSync(inFolder('sweep.ndjson'), 'utf8').split('\n');
    expect(log).toHaveLength(13);
    // Stopped in the middle of the fifth line.
    writeFileSync(inFolder('sweep.ndjson'), `${log.slice(0, 4).join('\n')}\n${log[4]?.slice(0, 90)}`);
    const resumed = await backtest(...sweep, '--resume', 'sweep.ndjson');
    expect(resumed.stdout).toBe(one.stdout);
    expect(
      readFileSync(inFolder('sweep.ndjson'), 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}}')),
    ).toHaveLength(12);
    const foreign = await backtest(...sweep, '--resume', CANDLES);
    expect([foreign.code, foreign.stderr.trim()]).toEqual([
      1,
      `mdtool: ${CANDLES}:1: expected a run of a sweep; --resume needs the file of an earlier sweep`,
    ]);
  });

  it('chooses on one part and judges on the next', async () => {
    const result = await backtest(CANDLES, ...GRID, '--sweep', 'multiplier=1.1,1.6', '--walk-forward', '12h/6h');
    const runs = ofType(rowsOf(result), 'run');
    const parts = runs.map((run) => run.detail as { part: string; window: number });
    expect(parts.filter(({ part }) => part === 'out-of-sample').map(({ window }) => window)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    const [chosen, judged] = [runs[0], runs[2]] as [Row, Row];
    expect(judged.from_timestamp).toBe(chosen.until_timestamp);
    expect((judged.parameters as Record<string, number>).multiplier).toBe(
      (chosen.parameters as Record<string, number>).multiplier,
    );
  });

  it('reports data that a walk forward does not use at the end', async () => {
    const { stderr } = await backtest(CANDLES, ...GRID, '--sweep', 'multiplier=1.1,1.6', '--walk-forward', '12h/10h');
    expect(stderr).toContain(
      '--walk-forward: data after 2022-01-06T07:40:00.000Z is shorter than a test window and is not used (23.2 % of the data)',
    );
  });

  it('adds up what was judged out of sample', async () => {
    const args = [...GRID, '--sweep', 'multiplier=1.1,1.6', '--walk-forward', '12h/6h'];
    const { data, out_of_sample: totals } = JSON.parse((await backtest(CANDLES, ...args, '--json')).stdout);
    const judged = (data as Row[]).filter(({ type, detail }) => type === 'run' && (detail as Row).part === 'out-of-sample');
    for (const path of ['high-first', 'low-first']) {
      const metrics = judged.filter((run) => run.path === path).map((run) => run.metrics as Record<string, number>);
      const sum = (name: string) => metrics.reduce((total, values) => total + (values[name] as number), 0);
      expect(totals).toContainEqual({
        exchange: 'ftx',
        market: 'linear',
        symbol: 'BTC-PERP',
        path,
        parts: 4,
        net_profit: sum('net_profit'),
        return_pct: sum('return_pct'),
        max_drawdown_pct: Math.max(...metrics.map((values) => values.max_drawdown_pct as number)),
        trades: sum('trades'),
      });
    }
    const table = (await backtest(CANDLES, ...args, '--format', 'table')).stdout;
    expect(table).toMatch(/^all +out-of-sample +4 parts +high-first .*\nall +out-of-sample +4 parts +low-first /m);
  });

  it('reports a walk forward by what all its parts come to, and a sweep by its ranking', async () => {
    const forward = [...GRID, '--sweep', 'multiplier=1.1,1.6', '--walk-forward', '12h/6h'];
    const result = await backtest(CANDLES, ...forward, '--report', 'forward.html', '--format', 'table');
    expect(result.stdout).toMatch(/^grid on ftx linear BTC-PERP, 2022-01-04 23:40 to 2022-01-06 11:40$/m);
    expect(result.stdout).toContain('equity out of sample, parts joined, high-first');
    const total = /^all +out-of-sample +4 parts +high-first +(\S+)/m.exec(result.stdout)?.[1];
    const page = readFileSync(inFolder('forward.html'), 'utf8');
    expect(page).toContain('<h1>grid on BTC-PERP, tested out of sample</h1>');
    expect(page).toMatch(new RegExp(`<div class="tiles"><div><b[^>]*>${total} */|<div class="tiles"><div><b[^>]*>${total}</b>`));
    expect(page).toContain('Metrics, out-of-sample part of window 4');
    await backtest(CANDLES, ...GRID, '--sweep', 'multiplier=1.1,1.6', '--report', 'sweep.html');
    expect(readFileSync(inFolder('sweep.html'), 'utf8')).toMatch(/<h2>Sweep<\/h2><table>.*multiplier.*rank 1 was chosen with/);
  });

  it('keeps markets apart whose symbols are spelled alike', async () => {
    const [header, ...lines] = readFileSync(CANDLES, 'utf8').trim().split('\n');
    const spot = lines.slice(0, 60).map((line) => line.replace(',linear,', ',spot,'));
    writeFileSync(inFolder('both.csv'), `${[header, ...lines.slice(0, 60), ...spot].join('\n')}\n`);
    const args = ['both.csv', '--strategy', 'grid', '--leverage', '1', '--format', 'table'];
    const refused = await backtest(...args, '--report', '{symbol}.html');
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toContain('ftx linear BTC-PERP and ftx spot BTC-PERP would have the same name');
    const { stdout } = await backtest(...args, '--report', '{market}-{symbol}.html');
    expect(stdout.match(/^grid on .*, /gm)).toEqual(['grid on ftx linear BTC-PERP, ', 'grid on ftx spot BTC-PERP, ']);
    expect(['linear', 'spot'].map((market) => existsSync(inFolder(`${market}-BTC-PERP.html`)))).toEqual([true, true]);
  });

  it('writes a report that holds all it needs, and refuses to replace one', async () => {
    const result = await backtest(CANDLES, ...GRID, '--report', 'grid.html', '--json');
    expect(result.code, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ exit_code: 0, report: 'grid.html' });
    const page = readFileSync(inFolder('grid.html'), 'utf8');
    expect(page).toContain("default-src 'none'");
    expect(page.match(/(?:src|href)="([^"]*)"/g)).toEqual(['href="https://www.tradingview.com/"']);
    expect(page).toContain('Apache License 2.0');
    const again = await backtest(CANDLES, ...GRID, '--report', 'grid.html');
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('grid.html already exists; use --force')]);
  });

  it.skipIf(!hasChromium)('writes a report that a browser draws without a network, under its content policy', async () => {
    await backtest(CANDLES, ...GRID, '--report', 'drawn.html');
    const dom = await rendered(inFolder('drawn.html'));
    expect(dom).toContain('data-drawn="3"');
    expect(dom).toMatch(/<canvas/);
    expect(dom).toContain('max drawdown %');
    expect(dom).toContain('buy and hold %');
    expect(dom).toMatch(/<h2>Trades<\/h2>.*take profit/s);
  });

  it('refuses data with gaps by default: exit 3', async () => {
    const [header, ...lines] = readFileSync(CANDLES, 'utf8').split('\n');
    const withGap = lines.map((line, index) => (index === 2000 ? line.replace(/true$/, 'false') : line));
    writeFileSync(inFolder('with-gap.csv'), [header, ...withGap].join('\n'));
    const refused = await backtest('with-gap.csv', ...GRID);
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect(refused.stderr).toContain('BTC-PERP: the data has 1 gap, the first from 2022-01-06T');
    const halted = await backtest('with-gap.csv', ...GRID, '--gaps', 'halt');
    expect(halted.code).toBe(3);
    expect(ofType(rowsOf(halted), 'run')[0]?.until_timestamp).toBe(Number(withGap[2000]?.split(',')[3]));
    const ignored = await backtest('with-gap.csv', ...GRID, '--gaps', 'ignore');
    expect(ignored.code).toBe(0);
    expect(fillsHash(ignored.stdout, ofType(rowsOf(ignored), 'run')[0]?.run_id)).toBe(
      ofType(rowsOf(await backtest(CANDLES, ...GRID)), 'run')[0]?.fills_hash,
    );
  });

  it('trades signals from a second file', async () => {
    const place = { exchange: 'ftx', market: 'linear', symbol: 'BTC-PERP' };
    const first = Number(readFileSync(CANDLES, 'utf8').split('\n')[1]?.split(',')[3]);
    const signal = {
      ...place,
      type: 'signal',
      id: 'a',
      side: 'sell',
      price: 43000,
      stop: 44000,
      take_profit: 42500,
      trailing_distance: 0.004,
    };
    const known = first + 600e6;
    const line = JSON.stringify({
      ...signal,
      timestamp: known,
      known_timestamp: known,
      trailing_arm: 42700,
      timeout_seconds: 14400,
      gates: {},
    });
    writeFileSync(inFolder('signals.ndjson'), `${line}\n`);
    const result = await backtest(CANDLES, 'signals.ndjson', '--strategy', 'signals');
    expect(result.code, result.stderr).toBe(0);
    const runs = ofType(rowsOf(result), 'run');
    expect(runs.map(({ path }) => path)).toEqual(['worse', 'better']);
    expect(ofType(rowsOf(result), 'fill')[0]).toMatchObject({
      timestamp: known,
      side: 'sell',
      reason: 'entry',
      position_side: 'short',
    });
  });

  it.each(['moving-average.ts', 'breakout.js'])('runs the example %s', async (name) => {
    const result = await backtest(
      CANDLES,
      '--strategy',
      join(ROOT, 'examples', name),
      '--workers',
      '2',
      '--sweep',
      name.endsWith('ts') ? 'fast=10,20' : 'length=30,60',
    );
    expect(result.code, result.stderr).toBe(0);
    for (const run of ofType(rowsOf(result), 'run')) expect((run.metrics as { trades: number }).trades).toBeGreaterThan(5);
  });

  it('puts its records into a store, each once', async () => {
    const into = [CANDLES, ...GRID, '-o', 'store', '--store', 'data'];
    const [first, second] = [await backtest(...into), await backtest(...into)];
    expect([first.code, second.code], first.stderr).toEqual([0, 0]);
    const fills = ofType(rowsOf(await backtest(CANDLES, ...GRID)), 'fill').length;
    const { stdout } = await mdtoolHere(['query', 'select count(*) as fills from fill', '--store', 'data'], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({ fills });
  });

  it('shows all metrics and the equity line', async () => {
    const { stdout } = await backtest(CANDLES, ...GRID, '--format', 'table');
    for (const name of [
      'net profit',
      'max drawdown %',
      'sharpe',
      'minimum liquidation distance %',
      'undecided %',
      'equity, high-first',
    ])
      expect(stdout).toContain(name);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it.each([
    [['--strategy', 'grid', '--notional', '5'], 2, '--notional belongs to --strategy signals; --strategy grid does not use it'],
    [['--strategy', 'signals'], 2, 'no signals of BTC-PERP in the input'],
    [['--strategy', 'grid', '--interval', '5m'], 2, '--interval: expected one of 1m, was 5m'],
    [['--strategy', 'grid', '--symbols', 'ETH-PERP'], 2, 'no trades or candles for this selection in'],
    [['--strategy', 'grid', '--fill', 'volume'], 2, '--fill volume needs trades, the run is on candles'],
    [['--strategy', 'grid', '--walk-forward', '30d/7d'], 2, 'not enough data for one training and one test window'],
    [['--strategy', 'grid', '--walk-forward', '1h/0s', '--sweep', 'levels=4,5'], 2, '--walk-forward: expected two durations'],
    [['--strategy', 'grid', '--equity-interval', '0s'], 2, '--equity-interval: expected at least 1s, was 0s'],
    [['--strategy', 'missing.js'], 1, 'cannot read missing.js: no such file'],
  ])('%j', async (args, code, message) => {
    const result = await backtest(CANDLES, ...(args as string[]));
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(
      result.stderr
        .trim()
        .split('\n')
        .filter((line) => !line.includes('warning')),
    ).toHaveLength(1);
  });
});

function rendered(path: string): Promise<string> {
  const flags = `--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=${inFolder('chromium')} --dump-dom`;
  return new Promise((resolve, reject) => {
    const args = [...flags.split(' '), `file://${path}`];
    execFile('chromium', args, { maxBuffer: 1 << 26, timeout: 60_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}
