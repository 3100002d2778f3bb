import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../support/frames.js';
import { finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const BYBIT = fixture('bybit-v5.tape.ndjson.gz');
const folder = mkdtempSync(join(tmpdir(), 'mdtool-candles-'));
const store = join(folder, 'data');
const at = (name: string) => join(folder, name);
const env = { MDTOOL_STORE: store };
const run = (...args: string[]) => mdtoolHere(['candles', ...args], { env });

let trades: string;
beforeAll(async () => {
  const { stdout, stderr, code } = await mdtool(['stream', '--replay', BYBIT, '-o', '-', '-o', 'store'], { env });
  expect(code, stderr).toBe(0);
  trades = stdout;
  writeFileSync(at('trades.ndjson'), trades);
});
afterAll(() => rmSync(folder, { recursive: true }));

type Row = Record<string, unknown>;
const rowsOf = (text: string): Row[] =>
  text
    .split('\n')
    .filter((line) => line.includes('"type":"candle"'))
    .map((line) => JSON.parse(line) as Row);
const sorted = (rows: readonly Row[]) =>
  [...rows].sort((a, b) =>
    JSON.stringify([a.market, a.symbol, a.timestamp]).localeCompare(JSON.stringify([b.market, b.symbol, b.timestamp])),
  );

describe('candles', () => {
  it('from stdin, from a file and from the store are the same', async () => {
    const piped = await mdtool(['candles', '-', '--interval', '1s'], { input: trades });
    const read = await run(at('trades.ndjson'), '--interval', '1s');
    const stored = await run('--interval', '1s', '-o', '-');
    expect([piped.code, read.code, stored.code]).toEqual([0, 0, 0]);
    expect(sorted(rowsOf(read.stdout))).toEqual(sorted(rowsOf(piped.stdout)));
    // A store holds no clocks: its last second is still open.
    const closed = (rows: readonly Row[]) => sorted(rows).map((row) => ({ ...row, closed: true }));
    expect(closed(rowsOf(stored.stdout))).toEqual(closed(rowsOf(piped.stdout)));
    expect(rowsOf(piped.stdout)).toHaveLength(31);
    expect(piped.stderr).toMatch(/^candles: 31 candles, 88 clock ticks in .*\(90 trades read\)\n$/);
  });

  it('go into the store once, and are there for queries', async () => {
    const first = await mdtoolHere(['candles', '--interval', '1s,1m', '--json'], { env });
    expect(JSON.parse(first.stdout)).toMatchObject({
      exit_code: 0,
      records: { candle: 35 },
      outputs: [{ output: 'store', records: 35 }],
    });
    const again = await run('--interval', '1s,1m', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ exit_code: 0, records: {}, days_changed: 0 });
    const { stdout } = await mdtoolHere(['query', 'select sum(trades)::int as n from candle_1m'], { env });
    expect(JSON.parse(stdout)).toEqual({ n: 90 });
    const mixed = await run('--interval', '1m', '--empty', 'flat');
    expect(mixed).toMatchObject({ code: 2, stdout: '' });
    expect(mixed.stderr).toMatch(/^mdtool: --empty flat: the 1m candles of this store are built with --empty skip;[^\n]*\n$/);
  });

  it('make longer ones that equal those from trades', async () => {
    await run(
      at('trades.ndjson'),
      '--interval',
      '1s',
      '-o',
      at('seconds.parquet'),
      '-o',
      at('seconds.csv.gz'),
      '-o',
      at('seconds.ndjson'),
    );
    const [direct, ...rolled] = await Promise.all(
      ['trades.ndjson', 'seconds.parquet', 'seconds.csv.gz'].map((name) => run(at(name), '--interval', '5s')),
    );
    const closed = (text: string) => sorted(rowsOf(text)).map((row) => ({ ...row, closed: true }));
    for (const { stdout } of rolled) expect(closed(stdout)).toEqual(closed(direct?.stdout ?? ''));
    expect(rowsOf(direct?.stdout ?? '').length).toBeGreaterThan(10);
  });

  it('choose symbols and time; a candle at the edge has all of its trades', async () => {
    const chosen = [
      '--market',
      'linear',
      '--symbols',
      'BTC/USDT:USDT',
      '--since',
      '2026-08-09T21:27:20.5Z',
      '--until',
      '2026-08-09T21:27:31Z',
    ];
    const { stdout } = await run('--interval', '10s', '-o', '-', ...chosen);
    const whole = await run('--interval', '10s', '-o', '-', '--market', 'linear', '--symbols', 'BTCUSDT');
    const edge = (rows: Row[]) =>
      rows.filter(
        ({ timestamp }) => (timestamp as number) >= 1_786_310_840_000_000 && (timestamp as number) < 1_786_310_851_000_000,
      );
    expect(rowsOf(stdout)).toEqual(edge(rowsOf(whole.stdout)));
    expect(rowsOf(stdout)).toHaveLength(2);
  });

  it('say what could not be read, and what was missing', async () => {
    writeFileSync(at('broken.ndjson'), `${trades}{"type":"trade"}\nnonsense\n`);
    const broken = await run(at('broken.ndjson'), '--interval', '1m');
    expect(broken.code).toBe(3);
    expect(broken.stderr).toMatch(/broken\.ndjson:\d+: trade\.exchange is missing\n.*broken\.ndjson:\d+: .*nonsense/);
    expect(rowsOf(broken.stdout)).toHaveLength(4);
    const same = await run(at('seconds.ndjson'), '--interval', '1s');
    expect(same).toMatchObject({ code: 0 });
    expect(same.stderr).toContain('no candles that fit: parts must be shorter than --interval');
    const nowhere = await run('--store', at('nowhere'));
    expect(nowhere).toMatchObject({ code: 2, stdout: '' });
    expect(nowhere.stderr).toMatch(/^mdtool: no store in .*nowhere: there is no such directory; choose one with --store\n$/);
  });

  it.each([
    [['--interval', '2w'], 'whole seconds from 1s to 1w'],
    [['--source', 'exchange'], 'a store builds its candles from trades'],
    [['--since', '2026-01-02', '--until', '2026-01-01', '-o', '-'], '--since must be before --until'],
  ])('refuse %j', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('fail on gaps only when asked', async () => {
    const gap = {
      type: 'gap',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: 1786310840000000,
      channel: 'trade',
    };
    const hole = {
      ...gap,
      from_timestamp: 1786310830000000,
      until_timestamp: 1786310840000000,
      reason: 'disconnect',
      repaired: 0,
      missing: true,
    };
    writeFileSync(at('hole.ndjson'), `${trades}${JSON.stringify(hole)}\n`);
    expect(await run(at('hole.ndjson'), '--interval', '1m')).toMatchObject({ code: 0 });
    const failing = await run(at('hole.ndjson'), '--interval', '1m', '--fail-on-gaps');
    expect(failing.code).toBe(3);
    expect(failing.stderr).toContain('1 candle is incomplete');
  });

  it('are drawn in the terminal and as a picture', async () => {
    const { stdout, code } = await run(
      at('trades.ndjson'),
      '--interval',
      '1s',
      '--market',
      'linear',
      '--plot',
      '--svg',
      at('chart.svg'),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^BTCUSDT 1s bybit linear · 11 candles · close 65114\.3\n/);
    expect(stdout.split('\n')).toHaveLength(23);
    const picture = readFileSync(at('chart.svg'), 'utf8');
    expect(picture.match(/<line x1="[^"]+" x2="[^"]+" y1="[^"]+" y2="[^"]+" stroke="#(1a7f37|cf222e)"/g)).toHaveLength(11);
    expect(await run(at('trades.ndjson'), '--svg', at('chart.svg'))).toMatchObject({ code: 2 });
  });

  it('of a silent second come with the clock, while the input goes on', async () => {
    const child = start(['candles', '-', '--interval', '1s']);
    const second = (offset: number) => 1_786_310_820_000_000 + offset * 1_000_000;
    const identity = { exchange: 'bybit', market: 'linear' };
    const trade = {
      type: 'trade',
      ...identity,
      symbol: 'BTCUSDT',
      timestamp: second(0),
      id: 'a',
      price: 1,
      amount: 1,
      side: 'buy',
    };
    const lines = [trade, ...[1, 2].map((offset) => ({ type: 'clock', ...identity, timestamp: second(offset) }))];
    child.stdin?.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const text = await new Promise<string>((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk))));
    expect(rowsOf(text)).toMatchObject([{ timestamp: second(0), closed: true }]);
    child.stdin?.end();
    expect(await finished(child)).toMatchObject({ code: 0 });
  });
});
