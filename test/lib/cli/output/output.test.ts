import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutputOptions, openOutput } from '../../../../src/lib/cli/output/output.js';
import { createTableSink } from '../../../../src/lib/cli/output/table-sink.js';
import { Summary } from '../../../../src/lib/cli/summary.js';
import { ClosedOutputError } from '../../../../src/lib/sinks/sink.js';
import { tickerRecord, tradeRecord } from '../../../support/records.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mdtool-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

class Screen extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const closed = () =>
  new Writable({ highWaterMark: 1, write: (_c, _e, done) => done(Object.assign(new Error(), { code: 'EPIPE' })) });

function options(fields: Partial<OutputOptions> & { readonly notes?: string[] } = {}): OutputOptions {
  return {
    destinations: [],
    fallback: '-',
    force: false,
    json: false,
    endless: false,
    stdout: new Screen(),
    note: (text) => fields.notes?.push(text),
    ...fields,
  };
}

describe('outputs', () => {
  it.each([
    [{ destinations: ['t.txt'] }, /-o t\.txt: expected one of -, .*FILE\.ndjson/],
    [{ destinations: ['-', '-'] }, /-o - appears twice/],
    [{ destinations: ['-'], json: true }, /-o - cannot be combined with --json/],
    [{ destinations: ['t.csv'], types: ['trade', 'ticker'] as const }, /CSV holds one record type, found trade and ticker/],
    [{ format: 'csv' as const, types: ['trade', 'ticker'] as const }, /use --format ndjson/],
  ])('refuse %o', async (fields, message) => {
    await expect(openOutput(options(fields))).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  });

  it('write to all destinations, stdout last', async () => {
    const stdout = new Screen();
    const destinations = ['-', join(folder, 't.ndjson')];
    const output = await openOutput(options({ stdout, destinations }));
    await output.write([tradeRecord()]);
    const reports = await output.close();
    expect(reports.map((report) => report.output)).toEqual([join(folder, 't.ndjson'), '-']);
    expect(readFileSync(join(folder, 't.ndjson'), 'utf8')).toBe(stdout.text);
  });

  it('print nothing but the document with --json', async () => {
    const stdout = new Screen();
    const output = await openOutput(options({ stdout, json: true }));
    await output.write([tradeRecord()]);
    expect(await output.close()).toEqual([]);
    expect(stdout.text).toBe('');
  });

  it('a reader that leaves ends the step when it is the only one', async () => {
    const output = await openOutput(options({ stdout: closed(), format: 'ndjson' }));
    const writing = async () => {
      for (;;) await output.write([tradeRecord()]);
    };
    await expect(writing()).rejects.toBeInstanceOf(ClosedOutputError);
  });

  it('a reader that leaves is dropped with a note when a file goes on', async () => {
    const notes: string[] = [];
    const file = join(folder, 't.ndjson');
    const output = await openOutput(options({ stdout: closed(), format: 'ndjson', destinations: ['-', file], notes }));
    for (let id = 0; id < 10; id++) await output.write([tradeRecord({ id: String(id) })]);
    expect(await output.close()).toEqual([{ output: file, records: 10, skipped: {} }]);
    expect(notes).toEqual([expect.stringContaining('stdout was closed by its reader')]);
  });

  it('leave nothing behind when one of them cannot be opened', async () => {
    const destinations = [join(folder, 't.ndjson'), 'u.xlsx'];
    await expect(openOutput(options({ destinations }))).rejects.toMatchObject({ exitCode: 2 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are a table on a terminal, a line per record when endless', async () => {
    const table = new Screen(true);
    const batch = await openOutput(options({ stdout: table }));
    await batch.write([tradeRecord(), tickerRecord, tradeRecord()]);
    await batch.close();
    expect(table.text.match(/exchange/g)).toHaveLength(2);
    const lines = new Screen(true);
    const endless = await openOutput(options({ stdout: lines, endless: true }));
    await endless.write([tradeRecord(), tickerRecord]);
    expect(lines.text.trim().split('\n')).toEqual([
      '2026-08-09 UTC',
      expect.stringContaining('@ 65114.3'),
      expect.stringContaining('last 65114.3'),
    ]);
  });

  it.each([
    ['first', /id-0 /, '… 5 more trade rows'],
    ['last', /id-14 /, '… 5 earlier trade rows'],
  ] as const)('a table keeps the %s rows and says how many it does not show', async (keep, expected, note) => {
    const stream = new Screen();
    const notes: string[] = [];
    const sink = createTableSink({ stream, rows: 10, keep, note: (text) => notes.push(text) });
    for (let id = 0; id < 15; id++) await sink.write([tradeRecord({ id: `id-${id}` })]);
    expect(await sink.close()).toMatchObject({ records: 15 });
    expect(stream.text.trimEnd().split('\n')).toHaveLength(11);
    expect(stream.text).toMatch(expected);
    expect(notes[0]).toContain(note);
  });
});

describe('summary', () => {
  it('gives the worst exit code, unreachable before incomplete', () => {
    const summary = new Summary('symbols', 0);
    expect(summary.exitCode).toBe(0);
    summary.incomplete('a hole');
    expect(summary.exitCode).toBe(3);
    summary.unreachable('no route');
    summary.incomplete('another');
    expect(summary.exitCode).toBe(5);
    expect(summary.reasons).toEqual(['a hole', 'no route', 'another']);
  });

  it('tells counts, time, outputs and what is not 0 in one line', () => {
    const summary = new Summary('stream', 1_000_000);
    summary.count('trade', 3);
    summary.note({ frames: 4, duplicates: 0, unknown: {}, refused: { a: 1 } });
    summary.outputs = [
      { output: '-', records: 3, skipped: {} },
      { output: 't.csv', records: 3, skipped: { gap: 2, clock: 1 } },
    ];
    expect(summary.line(2_500_000)).toBe(
      'stream: 3 trades written to t.csv in 1.5 s (2 gaps and 1 clock tick skipped in t.csv; 1 refused request: a 1)',
    );
    expect(summary.document(2_500_000)).toMatchObject({ records: { trade: 3 }, duplicates: 0, exit_code: 0 });
  });
});
