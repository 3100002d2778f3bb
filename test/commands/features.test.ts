import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURES } from '../../src/lib/features/registry.js';
import { decodeRecord, encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordType } from '../../src/lib/model/records.js';
import { startStep } from '../../src/lib/storage/journal/step-lock.js';
import { readStore } from '../../src/lib/storage/reading/store-reader.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { gapRecord } from '../support/records.js';
import { LONG_AT, SCENARIO_START, SHORT_AT, signalScenario } from '../support/signal-scenario.js';

const SECOND = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'mdtool-features-'));
afterAll(() => rmSync(folder, { recursive: true }));

const scenario = signalScenario();
const market = join(folder, 'market.ndjson.gz');
const text = `${scenario.map(encodeRecord).join('\n')}\n`;
const store = join(folder, 'store');

const recordsOf = (lines: string) =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map(decodeRecord);
const linesOf = (lines: string, type: RecordType) => lines.split('\n').filter((line) => line.startsWith(`{"type":"${type}"`));
const run = (args: readonly string[], input?: string) => mdtoolHere(args, { cwd: folder, input });

async function fill(directory: string, records: readonly AnyRecord[]): Promise<void> {
  const writer = await openStoreWriter(directory, { step: 'test' });
  await writer.write(records.filter(({ type }) => type !== 'clock'));
  await writer.close();
}

async function stored(directory: string, type: RecordType): Promise<string[]> {
  const lines: string[] = [];
  for await (const records of readStore(directory, { types: [type] })) lines.push(...records.map(encodeRecord));
  return lines;
}

const small = join(folder, 'small.ndjson');
let piped: string;

beforeAll(async () => {
  writeFileSync(market, gzipSync(text));
  const minutes = scenario.filter(({ type, timestamp }) => type !== 'candle' && timestamp < SCENARIO_START + 900 * SECOND);
  writeFileSync(small, minutes.map(encodeRecord).join('\n'));
  piped = (await mdtool(['features', '-', '--quiet'], { cwd: folder, input: text })).stdout;
});

describe('features', () => {
  it('are the same from a pipe, a file, one file per type and the store, built in two runs', async () => {
    const features = linesOf(piped, 'features');
    const micro = linesOf(piped, 'micro');
    expect([features.length, micro.length]).toEqual([5100, 5100]);

    const file = await run(['features', market]);
    expect(linesOf(file.stdout, 'features')).toEqual(features);
    expect(linesOf(file.stdout, 'micro')).toEqual(micro);
    expect(file.stderr).toMatch(/5,100 micro rows, 5,100 feature rows.*[\d,]+ warm rows/);
    expect(file.code).toBe(0);

    const types = [...new Set(scenario.map(({ type }) => type))].filter((type) => type !== 'clock');
    for (const type of types)
      writeFileSync(
        join(folder, `part-${type}.ndjson`),
        scenario
          .filter((record) => record.type === type)
          .map(encodeRecord)
          .join('\n'),
      );
    const parts = await run(['features', 'part-*.ndjson', '--rows', 'features']);
    expect(linesOf(parts.stdout, 'features')).toEqual(features);

    const cut = SCENARIO_START + 4_000 * SECOND + 345_678;
    await fill(
      store,
      scenario.filter(({ timestamp }) => timestamp < cut),
    );
    const first = await mdtoolHere(['features', '--store', store]);
    expect([first.stderr, first.code]).toEqual([
      expect.stringMatching(/3,99[89] micro rows, 3,99[89] feature rows stored in/),
      0,
    ]);
    await fill(
      store,
      scenario.filter(({ timestamp }) => timestamp >= cut),
    );
    const second = await run(['features', '--store', store]);
    expect(second.stderr).toMatch(/[\d,]+ micro rows?, [\d,]+ feature rows?/);
    // The last second and its grace are not over by the clock of the data.
    expect(await stored(store, 'features')).toEqual(features.slice(0, 5098));
    expect(await stored(store, 'micro')).toEqual(micro.slice(0, 5098));
    const third = await run(['features', '--store', store]);
    expect([third.stderr, third.code]).toEqual([expect.stringMatching(/nothing new[\s\S]*0 micro rows, 0 feature rows/), 0]);

    const shown = await run([
      'features',
      '--store',
      store,
      '-o',
      '-',
      '--since',
      `${(LONG_AT + SECOND) / SECOND}`,
      '--rows',
      'features',
    ]);
    expect(linesOf(shown.stdout, 'features')).toEqual(features.slice(3900, 5098));
  });

  it('pass gaps and clocks through, and say at the end what never came', async () => {
    const gap = {
      ...gapRecord,
      timestamp: SCENARIO_START + 5 * SECOND,
      fromTimestamp: SCENARIO_START,
      untilTimestamp: SCENARIO_START + 5 * SECOND,
    };
    const few = [...scenario.filter(({ type }) => type === 'trade' || type === 'clock').slice(0, 40), gap as AnyRecord];
    const { stdout, stderr, code } = await run(['features', '-'], few.map(encodeRecord).join('\n'));
    expect(recordsOf(stdout).filter(({ type }) => type === 'gap')).toEqual([gap]);
    expect(linesOf(stdout, 'clock').length).toBe(few.filter(({ type }) => type === 'clock').length);
    expect(stderr).toMatch(/basis_bps: no mark_price records in the input; capture them with mdtool stream --channels ticker/);
    expect(stderr).toMatch(/no book_snapshot records in the input; capture them with mdtool stream --channels book/);
    expect(stderr).not.toContain('no trade records in the input');
    expect(code).toBe(0);
    const strict = await run(['features', '-', '--fail-on-gaps', '-o', 'none'], few.map(encodeRecord).join('\n'));
    expect(strict.code).toBe(3);
    const signals = async (...args: string[]) => (await run(['signals', '-', ...args], stdout)).code;
    expect([await signals(), await signals('--fail-on-gaps')]).toEqual([0, 3]);
  });

  it('say of an input that came nothing else than that its feature has no value yet, and name every feature', async () => {
    const oneOf = (type: AnyRecord['type']) => scenario.find((record) => record.type === type) as AnyRecord;
    const last = scenario.findLast(({ type }) => type === 'trade') as AnyRecord;
    const few = [oneOf('trade'), oneOf('open_interest'), oneOf('mark_price'), last];
    const { stderr } = await run(['features', '-', '-o', 'none'], few.map(encodeRecord).join('\n'));
    expect(stderr).not.toMatch(/no (open_interest|mark_price|trade) records/);
    for (const { name } of FEATURES.filter(({ name }) => !['basis_bps', 'realized_vol'].includes(name)))
      expect(stderr).toContain(name);
    expect(stderr).toMatch(/no value yet: .*oi_z \(/);
    const seconds = await run(['features', '-', '--rows', 'micro'], few.map(encodeRecord).join('\n'));
    expect(linesOf(seconds.stdout, 'micro').length).toBeGreaterThan(0);
    expect(seconds.stderr).not.toContain('no rows');
  });

  it('lose nothing when a pipeline is interrupted: what is on its way is still read', async () => {
    const child = start(['features', '-', '--rows', 'features', '--quiet'], { cwd: folder });
    const done = finished(child);
    const lines = readFileSync(small, 'utf8').split('\n');
    child.stdin?.write(`${lines.slice(0, 2_000).join('\n')}\n`);
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.stdin?.end(lines.slice(2_000).join('\n'));
    const { stdout, code } = await done;
    expect([linesOf(stdout, 'features').length, code]).toEqual([900, 0]);
  });

  it('list what they are, draw one, and refuse what is wrong', async () => {
    const list = await run(['features', '--list', '--window', 'ofi=90s']);
    expect(list.stdout).toMatch(/^delta_z +trade +300s +5m +yes +z of delta/m);
    expect(list.stdout).toMatch(/^ofi +book +90s/m);
    const json = JSON.parse((await run(['features', '--list', '--json'])).stdout) as { data: { name: string }[] };
    const lines = (await run(['features', '--list', '--format', 'ndjson'])).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(json.data);
    expect((await run(['features', '--list', '--format', 'csv'])).stdout).toMatch(/^name,inputs,window,warm_up,.*\ndelta_z,/);
    expect(json.data.map(({ name }) => name)).toHaveLength(13);
    const plot = await run(['features', small, '--plot', 'imb_shift']);
    expect(plot.stdout).toMatch(/imb_shift of bybit:linear:BTCUSDT {2}\(\d+ of 900 rows\)/);
    expect(plot.stdout.split('\n').length).toBe(15);
    const wrong = await run(['features', small, '--window', 'cvd=60s']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/window: expected one of delta_z, imb_shift/)]);
    const broken = await run(['features', '-', '-o', 'none'], `${text.slice(0, 5000)}\nnonsense\n`);
    expect([broken.code, broken.stderr]).toEqual([3, expect.stringMatching(/input lines? could not be read/)]);
  });

  it('prove themselves on data', async () => {
    const { stdout, code } = await run(['features', 'test', small, '--cuts', '3', '--window', 'mark_dev_z=300s,oi_z=300s']);
    expect(stdout).toMatch(/look-ahead: passed, no row changed at 3 cuts/);
    expect(stdout).toMatch(/stream against batch: passed, all rows the same/);
    expect(stdout).toMatch(/delta_z +\d+ {2}declared +300 {2}holds/);
    expect(code).toBe(0);
    const none = await run(['features', 'test', '-'], '');
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/expected trades, books or tickers, found none/)]);
  });
});

describe('signals', () => {
  const times = (stdout: string) =>
    recordsOf(stdout).flatMap((record) => (record.type === 'signal' ? [[record.side, record.timestamp]] : []));
  const expected = [
    ['buy', LONG_AT + SECOND],
    ['sell', SHORT_AT + SECOND],
  ];

  it('are the same from a pipe, a file and the store, to the id', async () => {
    const pipe = await mdtool(['signals', '-'], { cwd: folder, input: piped });
    expect(times(pipe.stdout)).toEqual(expected);
    expect(linesOf(pipe.stdout, 'clock').length).toBe(5100);
    writeFileSync(join(folder, 'rows.ndjson'), piped);
    const file = await run(['signals', 'rows.ndjson']);
    expect(linesOf(file.stdout, 'signal')).toEqual(linesOf(pipe.stdout, 'signal'));
    const { code, stderr } = await mdtoolHere(['signals', '--store', store]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/2 signals stored in/)]);
    await run(['signals', '--store', store]);
    expect(await stored(store, 'signal')).toEqual(linesOf(pipe.stdout, 'signal'));
  });

  it('say a line each, and with --explain what was rejected', async () => {
    const { stdout, stderr } = await run(['signals', '-', '--format', 'table', '--explain'], piped);
    const [day, long, short, ...more] = stdout.trimEnd().split('\n');
    expect(day).toBe('2026-11-20 UTC');
    expect(long).toMatch(
      /^11:05:01 {2}BTCUSDT {2}LONG {3}\S+ {2}stop \S+ \(-\S+%\) {2}target \S+ \(\+\S+%\) .*delta_z \d\S+ {2}imb_shift \d/,
    );
    expect(short).toMatch(/SHORT/);
    expect(more).toEqual([]);
    expect(stderr).toMatch(/rejected 2026-11-20 11:05:02Z bybit:linear:BTCUSDT long: cooldown; delta_z \+/);
  });

  it('follow rules of flags, configuration and symbols, in this order, and refuse what makes no sense', async () => {
    const config = join(folder, 'rules.toml');
    // The first second of each event is its strongest.
    const strongest = recordsOf(piped).flatMap((record) =>
      record.type === 'features' && [LONG_AT + SECOND, SHORT_AT + SECOND].includes(record.timestamp)
        ? [record.deltaZ as number]
        : [],
    );
    const least = Math.min(...strongest.map(Math.abs)) - 0.01;
    writeFileSync(
      config,
      `[signals]\ncooldown = "1s"\n[signals.symbols.BTCUSDT]\ndelta_z = ${least}\n[signals.symbols."bybit:spot:BTCUSDT"]\ngates = "none"\n`,
    );
    const configured = await run(['signals', '-', '--config', config], piped);
    expect(times(configured.stdout)).toEqual(expected);
    writeFileSync(config, '[signals.symbols."btc/usdt:usdt"]\ndelta_z = 1000\n');
    expect(times((await run(['signals', '-', '--config', config, '--quiet'], piped)).stdout)).toEqual([]);
    writeFileSync(config, '[signals]\ncooldown = "5x"\n');
    expect((await run(['signals', '-', '--config', config], piped)).stderr).toContain('[signals] cooldown: expected a duration');
    writeFileSync(config, `[signals]\ncooldown = "1s"\n[signals.symbols.BTCUSDT]\ndelta_z = ${least}\n`);
    const flag = await run(['signals', '-', '--config', config, '--delta-z', '2', '--quiet'], piped);
    expect(times(flag.stdout).length).toBeGreaterThan(2);
    expect(times((await run(['signals', '-', '--max-spread-bps', '0.001'], piped)).stdout)).toEqual([]);
    for (const [content, message] of [
      ['[signals]\nstop_mni = 1\n', /unknown key \[signals\] stop_mni; did you mean stop_min/],
      ['[signals.symbols.BTCUSDT]\nstop_min = "9%"\n', /\[signals\.symbols\.BTCUSDT\]: expected stop between/],
      ['[signals.symbols.BTCUSDT]\nfollow = true\n', /unknown key/],
      ['[signals]\ngates = "spred"\n', /expected gates out of spread/],
    ] as const) {
      writeFileSync(config, content);
      const { code, stderr } = await run(['signals', '-', '--config', config], '');
      expect([stderr, code]).toEqual([expect.stringMatching(message), 2]);
    }
  });

  it('--follow gives what comes to the store, and ends when it is told to', async () => {
    const directory = join(folder, 'followed');
    const rows = recordsOf(piped).filter(({ type }) => type === 'features');
    await fill(directory, rows.slice(0, 4_000));
    const child = start(['signals', '--follow', '--every', '200ms', '--store', directory, '-o', '-'], { cwd: folder });
    const done = finished(child);
    let seen = '';
    child.stdout?.on('data', (chunk: string) => {
      seen += chunk;
    });
    const signals = (count: number) => expect.poll(() => linesOf(seen, 'signal').length, { timeout: 45_000 }).toBe(count);
    await signals(1);
    await fill(directory, rows.slice(4_000));
    await signals(2);
    child.kill('SIGINT');
    const { stdout, code } = await done;
    expect(times(stdout)).toEqual(expected);
    expect(code).toBe(0);
  }, 60_000);

  it('and features run over a store alone of their kind, and over none say so', async () => {
    const directory = join(folder, 'locked');
    await fill(directory, scenario.slice(300, 400));
    const steps = await Promise.all(['features', 'signals'].map((step) => startStep(directory, step, { wait: false })));
    for (const step of ['features', 'signals']) {
      const { code, stderr } = await run([step, '--store', directory]);
      expect([code, stderr]).toEqual([0, expect.stringMatching(/another run is using this store; --wait waits for it/)]);
      const none = await run([step, '--store', join(folder, 'nowhere')]);
      expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/there is no such directory/)]);
    }
    for (const step of steps) await step?.release();
    const { code, stderr } = await run(['features', '--store', directory]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/[\d,]+ micro rows?, [\d,]+ feature rows?/)]);
  });

  it('say what is missing where no features come', async () => {
    const { stderr, code } = await run(['signals', '-'], '');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/no feature rows in the input; run mdtool features first/)]);
    expect(readFileSync(market).length).toBeGreaterThan(0);
  });
});
