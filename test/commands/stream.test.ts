import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from '../support/frames.js';
import { finished, mdtool, ROOT, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const BYBIT = fixture('bybit-v5.tape.ndjson.gz');
const BITGET = fixture('bitget-v2.tape.ndjson.gz');
const folder = mkdtempSync(join(tmpdir(), 'mdtool-stream-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Line = { readonly type: string; readonly symbol: string; readonly market: string; readonly local_timestamp: number };

const linesOf = (text: string) => text.trimEnd().split('\n');
const recordsOf = (text: string) => linesOf(text).map((line) => JSON.parse(line) as Line);
const countsOf = (text: string) => {
  const counts: Record<string, number> = {};
  for (const { type } of recordsOf(text)) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};

describe('stream --replay', () => {
  it('gives trades by default, with clocks, and a closing line on stderr', async () => {
    const { stdout, stderr, code } = await mdtool(['stream', '--replay', BYBIT]);
    expect(code).toBe(0);
    expect(countsOf(stdout)).toEqual({ trade: 90, clock: 88 });
    expect(stderr).toMatch(/^stream: 90 trades, 88 clock ticks in [\d.]+ s\n$/);
  });

  it('keeps to a market and to symbols in any spelling', async () => {
    const args = ['--replay', BYBIT, '--market', 'linear', '--symbols', 'ETH/USDT:USDT', '--channels', 'trade,ticker'];
    const { stdout } = await mdtoolHere(['stream', ...args]);
    const found = recordsOf(stdout).filter(({ type }) => type !== 'clock');
    expect(new Set(found.map(({ market, symbol }) => `${market} ${symbol}`))).toEqual(new Set(['linear ETHUSDT']));
    const types = new Set(['trade', 'ticker', 'mark_price', 'open_interest', 'funding']);
    expect(new Set(found.map(({ type }) => type))).toEqual(types);
  });

  it.each([
    [BYBIT, ['--symbols', 'XRPUSDT,BTCUSDT'], 'warn --symbols XRPUSDT: not on the tape; it has BTCUSDT, ETHUSDT'],
    [BYBIT, ['--market', 'inverse'], 'warn --market inverse: not on the tape; it has linear, spot'],
    [BYBIT, ['--channels', 'candle', '--interval', '4h'], 'warn --interval 4h: not on the tape; it has 1m'],
    [BITGET, ['--symbols', 'SOLUSDT'], 'warn --symbols SOLUSDT: not on the tape; it has '],
  ])('says in a line what was asked for and is not on the tape', async (tape, args, line) => {
    const { stderr, code } = await mdtoolHere(['stream', '--replay', tape, ...args]);
    expect(code).toBe(0);
    const said = stderr.split('\n').filter((text) => text.includes('not on the tape'));
    expect(said).toHaveLength(1);
    expect(said[0]?.replace(/\s+/g, ' ')).toContain(line.replace('warn ', ''));
  });

  it('says nothing of the kind when all of it is there', async () => {
    // 60s is 1m.
    const args = ['--symbols', 'btcusdt,ETH/USDT:USDT', '--market', 'linear,spot', '--channels', 'candle', '--interval', '60s'];
    const { stderr } = await mdtoolHere(['stream', '--replay', BYBIT, ...args]);
    expect(stderr).not.toContain('not on the tape');
  });

  it('refuses liquidations of a protocol that has none', async () => {
    const { stdout, stderr, code } = await mdtoolHere(['stream', '--replay', BITGET, '--channels', 'trade,liquidation']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      'mdtool: --channels liquidation: the tape is of Bitget v2, which does not have it; record the tape with --api v3\n',
    );
  });

  it('replays several tapes of several exchanges in the order of their arrivals, and globs', async () => {
    const { stdout, code } = await mdtoolHere(['stream', '--replay', join(ROOT, 'fixtures/b*.tape.ndjson.gz')]);
    expect(code).toBe(0);
    expect(countsOf(stdout).trade).toBe(90 + 33);
    const times = recordsOf(stdout).map((record) => record.local_timestamp);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('reads a tape from stdin, gzipped or not', async () => {
    const zipped = readFileSync(BITGET);
    const args = ['stream', '--replay', '-', '--channels', 'trade,book'];
    const [a, b] = await Promise.all([mdtool(args, { input: zipped }), mdtoolHere(args, { input: gunzipSync(zipped) })]);
    expect(a.stdout).toBe(b.stdout);
    expect(countsOf(a.stdout).trade).toBe(33);
  });

  it('writes one file per type, whole', async () => {
    const output = join(folder, '{type}.csv');
    const { stdout, code } = await mdtoolHere(['stream', '--replay', BYBIT, '--channels', 'trade,book', '-o', output]);
    expect([code, stdout]).toEqual([0, '']);
    expect(readdirSync(folder).sort()).toEqual(['book_snapshot.csv', 'clock.csv', 'trade.csv']);
    const [header, first] = linesOf(readFileSync(join(folder, 'trade.csv'), 'utf8'));
    expect(header).toBe('exchange,market,symbol,timestamp,local_timestamp,id,price,amount,side,sequence');
    expect(first).toBe(
      'bybit,linear,BTCUSDT,1786310819680000,1786310819965676,a9188a0a-82bc-50de-be60-03eedbe3cdd7,65114.2,0.004,sell,753843954913',
    );
  });

  it('writes one type to a CSV and counts the clocks and gaps that it leaves out', async () => {
    const { stderr, code } = await mdtoolHere(['stream', '--replay', BYBIT, '-o', join(folder, 'one.csv')]);
    expect(code).toBe(0);
    expect(linesOf(readFileSync(join(folder, 'one.csv'), 'utf8'))).toHaveLength(91);
    expect(stderr).toContain('88 clock ticks skipped');
  });

  it('refuses an output that exists, and several types in one CSV', async () => {
    const taken = join(folder, 'taken.ndjson');
    writeFileSync(taken, 'mine');
    const existing = await mdtoolHere(['stream', '--replay', BYBIT, '-o', taken]);
    expect(existing.code).toBe(2);
    expect(existing.stderr).toMatch(/taken\.ndjson.*--force/);
    expect(readFileSync(taken, 'utf8')).toBe('mine');
    const all = join(folder, 'all.csv');
    const mixed = await mdtoolHere(['stream', '--replay', BYBIT, '--channels', 'trade,book', '-o', all]);
    expect(mixed.code).toBe(2);
    expect(existsSync(all)).toBe(false);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const script = `"${process.execPath}" bin/run.js stream --replay "${BYBIT}" --channels book_delta | head -2; exit \${PIPESTATUS[0]}`;
    const { stdout, stderr, code } = await finished(spawn('bash', ['-c', script], { cwd: ROOT }));
    expect(linesOf(stdout)).toHaveLength(2);
    expect([stderr.replace(/^stream: .*\n/, ''), code]).toEqual(['', 0]);
  });

  it('stops at Ctrl-C, with whole files', async () => {
    const output = join(folder, 'stopped.ndjson');
    const child = start(['stream', '--replay', BYBIT, '--speed', '5', '-o', output, '-o', '-']);
    const seen = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    const end = finished(child);
    await seen;
    child.kill('SIGINT');
    const { stdout, stderr, code } = await end;
    expect(code).toBe(0);
    expect(stderr).toContain('stopping (press Ctrl-C again to force)');
    expect(readFileSync(output, 'utf8')).toBe(stdout);
    expect(linesOf(stdout).length).toBeLessThan(178);
  });

  it('reads a pipe to its end after Ctrl-C, so that nothing in flight is lost', async () => {
    const child = start(['stream', '--replay', '-']);
    const end = finished(child);
    const lines = linesOf(gunzipSync(readFileSync(BYBIT)).toString());
    child.stdin?.write(`${lines.slice(0, 1500).join('\n')}\n`);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGINT');
    child.stdin?.end(lines.slice(1500).join('\n'));
    const { stdout, code } = await end;
    expect([code, countsOf(stdout).trade]).toEqual([0, 90]);
  });

  it('tells broken lines and unknown frames, loses nothing else, and ends with 3', async () => {
    const lines = linesOf(gunzipSync(readFileSync(BYBIT)).toString());
    const novelty = '{"at":1786310819600000,"connection":2,"frame":"{\\"topic\\":\\"novelty.X\\"}"}';
    const damaged = [...lines.slice(0, 100), '{"at":12', novelty, ...lines.slice(100)];
    const { stdout, stderr, code } = await mdtoolHere(['stream', '--replay', '-'], { input: damaged.join('\n') });
    expect([code, countsOf(stdout).trade]).toEqual([3, 90]);
    expect(stderr).toContain('stdin line 101: expected a JSON object, was {"at":12');
    expect(stderr).toContain('novelty');
    expect(stderr).toContain('1 tape line could not be read');
  });

  it('ends with 3 where the frames of a connection are there and not its opening, which says what they are of', async () => {
    const lines = linesOf(gunzipSync(readFileSync(BYBIT)).toString());
    const later = [lines[0], ...lines.slice(900)].join('\n');
    const { stderr, code } = await mdtoolHere(['stream', '--replay', '-'], { input: later });
    expect(code).toBe(3);
    expect(stderr).toContain('frame: a connection that was not opened before it');
    expect(stderr).toContain('frames or records could not be mapped');
  });

  it('refuses a tape whose first line names another exchange than it connects to', async () => {
    const tape = gunzipSync(readFileSync(BYBIT)).toString().replace('"exchange":"bybit"', '"exchange":"bitget"');
    const { stderr, code } = await mdtoolHere(['stream', '--replay', '-'], { input: tape });
    expect(code).toBe(1);
    expect(stderr).toContain('expected a tape of bitget as its first line says, but it connects to bybit: wss://');
  });

  it('gives one document with --json', async () => {
    const { stdout, code } = await mdtoolHere(['stream', '--replay', BYBIT, '--json']);
    expect(code).toBe(0);
    const records = { trade: 90, clock: 88 };
    expect(JSON.parse(stdout)).toMatchObject({ command: 'stream', exit_code: 0, records, frames: 1689 });
  });

  it.each([
    [['--replay', '/no/such.tape'], 1, '/no/such.tape: cannot be read (no such file)'],
    [['--replay', fixture('README.md')], 1, 'README.md: expected a tape'],
    [['--replay', '/no/*.tape'], 1, '/no/*.tape: no file matches'],
    [['--replay', BYBIT, '--exchange', 'bitget'], 1, 'expected a tape of bitget, found a tape of bybit'],
    [['--exchange', 'nope'], 2, 'expected one of bitget, bybit'],
    [['--replay', BYBIT, '--market', 'options'], 2, 'expected one of spot, linear, inverse'],
    [['--replay', BYBIT, '--channels', 'trades'], 2, 'was "trades"'],
    [['--replay', BYBIT, '--symbols', 'BTC USDT'], 2, '"BTC USDT"'],
    [['--replay', BYBIT, '--speed', '0'], 2, 'expected a number above 0, was "0"'],
    [['--replay', BYBIT, '--depth', '0'], 2, '--depth'],
    [['--replay', BYBIT, '--book-interval', 'fast'], 2, 'was "fast"'],
    [['--replay', BYBIT, '--bogus'], 2, '--bogus'],
    [['--replay', BYBIT, '-o', 'records.xlsx'], 2, 'records.xlsx'],
    [['--replay', BYBIT, '--json', '-o', '-'], 2, '--json'],
    [[], 2, '--replay'],
  ])('refuses %j with %i and one line', async (args, exit, message) => {
    const { stdout, stderr, code } = await mdtoolHere(['stream', ...args]);
    expect(code).toBe(exit);
    expect(stderr).toContain(message);
    expect(linesOf(stderr)).toHaveLength(1);
    if (!args.includes('--json')) expect(stdout).toBe('');
  });
});
