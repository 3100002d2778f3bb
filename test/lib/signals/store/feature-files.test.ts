import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createParquetSink } from '../../../../src/lib/cli/output/database-sink.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { AnyRecord, RecordOf } from '../../../../src/lib/model/records.js';
import type { RecordSelection } from '../../../../src/lib/model/selection.js';
import type { GeneratorOptions } from '../../../../src/lib/signals/generator.js';
import { DEFAULT_RULES } from '../../../../src/lib/signals/rules.js';
import { openFeatureFiles } from '../../../../src/lib/signals/store/feature-files.js';
import { type SignalRequest, signalStep } from '../../../../src/lib/signals/store/signal-run.js';
import { createFileSink } from '../../../../src/lib/sinks/file.js';
import { samples } from '../../../support/samples.js';

type FeatureRow = RecordOf<'features'>;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'feature-files-'));
});
afterAll(() => rm(directory, { recursive: true }));

const START = 1_786_310_820_000_000;
const LOOSE = { ...DEFAULT_RULES, gates: ['spread', 'gap'] as const, cooldown: 3_000_000 };
/** Every symbol but one has thresholds of its own. */
const rules: GeneratorOptions['rules'] = ({ symbol }) => {
  if (symbol === 'BTCUSDT') return LOOSE;
  return symbol === 'null' ? { ...LOOSE, deltaZ: 0, imbShift: 0, markDevZ: 0 } : { ...LOOSE, deltaZ: 0.3, imbShift: 1e-8 };
};

/** At, beyond and just below a threshold, or not there. */
const value = (threshold: number) =>
  fc.option(fc.constantFrom(threshold, threshold, threshold * 2, threshold * 2, threshold - 1e-12, 1e-8, 0), {
    nil: undefined,
    freq: 12,
  });

const row = (
  names: readonly string[],
): fc.Arbitrary<Omit<FeatureRow, 'timestamp' | 'knownTimestamp'> & { readonly step: number; readonly sign: number }> =>
  fc.record({
    type: fc.constant('features' as const),
    exchange: fc.constant('bybit'),
    market: fc.constant('linear' as const),
    symbol: fc.constantFrom(...names),
    step: fc.integer({ min: 1, max: 3 }),
    sign: fc.constantFrom(1, -1),
    deltaZ: value(2),
    imbShift: value(0.15),
    markDevZ: value(1),
    close: fc.option(fc.constantFrom(1e-8, 64_999.9), { nil: undefined, freq: 30 }),
    atr15mPct: fc.option(fc.constantFrom(0.5, 40), { nil: undefined, freq: 30 }),
    spreadBps: fc.constantFrom(0.5, 3, 4, undefined),
    warm: fc.boolean(),
    gapInWindow: fc.boolean(),
    ageMs: fc.constantFrom(0, 9_000, undefined),
    detail: fc.constantFrom(undefined, { delta_z: 'a reason that is longer than twelve bytes' }),
  });

/** Rows in the order of their times. */
const rows = (names: readonly string[]): fc.Arbitrary<FeatureRow[]> =>
  fc.array(row(names), { minLength: 20, maxLength: 60 }).map((found) => {
    let timestamp = START;
    return found.map(({ step, sign, ...rest }) => {
      timestamp += step * 1_000_000;
      const turned = (number: number | undefined) => (number === undefined ? undefined : sign * number);
      const { deltaZ, imbShift, markDevZ } = rest;
      const values = { deltaZ: turned(deltaZ), imbShift: turned(imbShift), markDevZ: turned(markDevZ) };
      return { ...rest, ...values, timestamp, knownTimestamp: timestamp };
    });
  });

const selection: fc.Arbitrary<RecordSelection> = fc.record({
  symbols: fc.constantFrom(undefined, undefined, ['BTCUSDT'], ['OTHER']),
  since: fc.constantFrom(undefined, undefined, START + 9_000_000),
  until: fc.constantFrom(undefined, START + 30_000_000),
});

async function written(name: string, records: readonly AnyRecord[], format: 'parquet' | 'ndjson') {
  const path = `${directory}/${name}.${format}`;
  const options = { path, force: true, types: ['features'] } as const;
  const sink = format === 'parquet' ? createParquetSink(options) : createFileSink({ ...options, format });
  const opened = await sink;
  await opened.write(records);
  await opened.close();
  return path;
}

async function judged(input: readonly string[], selected: RecordSelection) {
  const rejected: unknown[] = [];
  const request: SignalRequest = {
    input,
    directory: '',
    selection: selected,
    every: undefined,
    rules,
    rejected: ({ row: { timestamp, symbol }, side, reasons }) => rejected.push([timestamp, symbol, side, ...reasons]),
    onNotice() {},
    stopped: new AbortController().signal,
    warn() {},
  };
  const { records, report } = signalStep.overInput(request);
  const lines: string[] = [];
  for await (const batch of records) lines.push(...batch.map(encodeRecord));
  const cold = [...report.cold].map(([name, one]) => [name, encodeRecord(one)]).sort();
  return { lines, rejected, report: { ...report, cold, rejected: [...report.rejected] } };
}

it('give by columns what their records give (property)', async () => {
  const names = ['BTCUSDT', 'ETHUSDT', 'null'];
  let [byColumns, triggered, signals] = [0, 0, 0];
  const property = fc.asyncProperty(rows(names), rows(['BTCUSDT', 'a-symbol-of-many-bytes']), selection, async (a, b, chosen) => {
    const paths = await Promise.all([written('a', a, 'parquet'), written('b', b, 'parquet')]);
    const texts = await Promise.all([written('a', a, 'ndjson'), written('b', b, 'ndjson')]);
    // Of both files the times of a symbol do not ascend: they are left to the records.
    for (const [count, input] of [[1, paths.slice(0, 1)] as const, [2, paths] as const]) {
      const files = await openFeatureFiles(input, chosen, rules);
      if (files) byColumns += 1;
      await files?.close();
      const found = await judged(input, chosen);
      triggered += found.lines.length + found.rejected.length;
      signals += found.lines.length;
      expect(found).toEqual(await judged(texts.slice(0, count), chosen));
    }
  });
  await fc.assert(property, { numRuns: samples(4), seed: 7 });
  expect(byColumns).toBeGreaterThan(5);
  expect(triggered).toBeGreaterThan(30);
  expect(signals).toBeGreaterThan(3);
});

it('are left to the records where a rule names triggers, a row is broken or a file is of another kind', async () => {
  const [first] = fc.sample(rows(['BTCUSDT']), { numRuns: 1, seed: 3 });
  const path = await written('rows', first as FeatureRow[], 'parquet');
  const text = await written('rows', first as FeatureRow[], 'ndjson');
  const own = () => ({ ...LOOSE, triggers: [{ feature: 'delta_z' }] });
  expect(await openFeatureFiles([path], {}, own)).toBeUndefined();
  expect(await openFeatureFiles([path, text], {}, rules)).toBeUndefined();
  expect(await openFeatureFiles([`${directory}/none.parquet`], {}, rules)).toBeUndefined();
});
