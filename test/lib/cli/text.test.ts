import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/lib/cli/logger.js';
import { cellText } from '../../../src/lib/cli/output/cell.js';
import { createColors } from '../../../src/lib/cli/output/colors.js';
import { LineLayout } from '../../../src/lib/cli/output/line-layout.js';
import { renderTable, tableOf } from '../../../src/lib/cli/output/table.js';
import { redact } from '../../../src/lib/cli/redaction.js';
import { type AnyRecord, type Candle, RECORD_TYPES } from '../../../src/lib/model/records.js';
import { didYouMean, nearest } from '../../../src/lib/model/suggestion.js';
import { SECOND } from '../../../src/lib/model/time.js';
import { anyRecord } from '../../support/any-record.js';
import { tradeRecord } from '../../support/records.js';

const plain = createColors({});

describe('cells', () => {
  it.each([
    [1e-7, 'number', '0.0000001'],
    [1.25e-9, 'number', '0.00000000125'],
    [-2.5e-10, 'number', '-0.00000000025'],
    [65114.3, 'number', '65114.3'],
    [1_786_310_817_601_629, 'time', '2026-08-09T21:26:57.601629Z'],
    [undefined, 'number', ''],
    [[[65114.2, 1e-7]], 'levels', '65114.2×0.0000001'],
    [[], 'levels', 'none'],
    [false, 'flag', 'false'],
  ] as const)('%s as %s is %s', (value, kind, text) => expect(cellText(value, { kind })).toBe(text));

  it('show every number exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(cellText(value, { kind: 'number' }))).toBe(value === 0 ? Number(String(value)) : value);
      }),
      { seed: 1 },
    );
  });
});

describe('tables', () => {
  it.each([30, 60, 100, 200])('are never wider than a terminal of %i columns', async (width) => {
    const records = [tradeRecord(), tradeRecord({ id: 'a-much-longer-identifier', price: 0.1 })];
    const { text, notes } = await renderTable(tableOf('trade', records), width, plain);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(notes.length > 0).toBe(width < 100);
    expect(text.split('\n')[0]).toMatch(width < 100 ? /^symbol/ : /^exchange {2}market/);
  });

  it('line up numbers at the right and leave out empty columns', async () => {
    const { text } = await renderTable(tableOf('trade', [tradeRecord({ price: 5 }), tradeRecord()]), 200, plain);
    expect(text).toMatch(/ {2} {6}5 {2}/);
    expect(text).not.toContain('local_timestamp');
  });

  it('turn a single row that does not fit', async () => {
    const { text, notes } = await renderTable(tableOf('trade', [tradeRecord()]), 40, plain);
    expect(text).toMatch(/^symbol +BTCUSDT$/m);
    expect(notes).toEqual([]);
  });

  it('tell what is the same in all rows where there is no room for it', async () => {
    const records = [tradeRecord({ price: 5 }), tradeRecord({ price: 6, side: 'sell' })];
    const { text, notes } = await renderTable(tableOf('trade', records), 60, plain);
    expect(text.split('\n')[0]).toMatch(/^symbol +price +amount +side/);
    expect(notes[0]).toMatch(/^in all rows: exchange \w+, market \w+, timestamp .*, id /);
  });

  it('steer no terminal, whatever a name holds', async () => {
    const records = [tradeRecord({ symbol: 'A\u001b[2J\nB' }), tradeRecord()];
    expect((await renderTable(tableOf('trade', records), 200, plain)).text).toContain('A\\u001b[2J\\u000aB');
  });
});

describe('lines', () => {
  const linesAt = (width: number, records: readonly AnyRecord[]) => {
    const layout = new LineLayout(() => width, plain);
    return records.flatMap((record) => layout.lines(record));
  };
  const { exchange, market, symbol, timestamp } = tradeRecord();
  const candle: Candle = {
    type: 'candle',
    ...{ exchange, market, symbol, timestamp },
    interval: '1s',
    open: 3053.41,
    high: 3053.6,
    low: 3053.41,
    close: 3053.48,
    volume: 1.16,
    source: 'trades',
    closed: true,
  };

  it('show a candle in 80 columns, each value in its place, and its day once', () => {
    const [day, first, second, ...more] = linesAt(80, [candle, { ...candle, timestamp: candle.timestamp + SECOND, close: 9.5 }]);
    expect([day, more]).toEqual(['2026-08-09 UTC', []]);
    expect(first).toMatch(/^21:26:57 {2}BTCUSDT {2}.*O 3053.41 {2}H 3053.6 {2}L 3053.41 {2}C 3053.48 {2}V 1.16/);
    expect(second?.indexOf('V 1.16')).toBe(first?.indexOf('V 1.16'));
  });

  it.each([20, 40, 60, 80, 120, 200])('fit %i columns for every record, drop by importance, and hide clocks', (width) => {
    fc.assert(
      fc.property(fc.constantFrom(...RECORD_TYPES).chain(anyRecord), (record) => {
        const lines = linesAt(width, [record]);
        if (record.type === 'clock') expect(lines).toEqual([]);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      }),
      { numRuns: 60 },
    );
    const line = linesAt(width, [candle]).at(-1) ?? '';
    if (width >= 40) expect(line).toContain('C 3053.48');
    if (width >= 80) expect(line).toMatch(/O 3053.41.*V 1.16/);
  });

  it('say of two markets which one they are of', () => {
    const lines = linesAt(80, [tradeRecord(), tradeRecord({ market: 'spot' })]);
    expect(lines.at(-1)).toMatch(/bybit:spot +BTCUSDT/);
  });
});

describe('suggestions', () => {
  it.each([
    ['strem', ['stream', 'symbols'], ['stream']],
    ['symbosl', ['stream', 'symbols'], ['symbols']],
    ['sym', ['stream', 'symbols'], ['symbols']],
    ['--outptu', ['--output', '--quote'], ['--output']],
    ['zzz', ['stream'], []],
  ])('%s', (word, candidates, near) => expect(nearest(word, candidates)).toEqual(near));

  it('say nothing where nothing is near', () => expect(didYouMean('zzz', ['stream'])).toBe(''));
});

describe('redaction', () => {
  it.each([
    ['redis://:hunter2@host:6379/0', 'redis://***@host:6379/0'],
    ['proxy http://user:pass@proxy:3128 failed', 'proxy http://***@proxy:3128 failed'],
    ['GET /x?symbol=BTC&api_key=abc&sign=1', 'GET /x?symbol=BTC&api_key=***&sign=1'],
    ['wrong password s3cret! given', 'wrong password *** given'],
    ['no secret here', 'no secret here'],
  ])('%s', (text, safe) => expect(redact(text, { REDIS_PASSWORD: 's3cret!', HOME: 'secret' })).toBe(safe));
});

describe('logger', () => {
  const linesOf = (format: 'text' | 'json', level: 'info' | 'debug' | 'error') => {
    const lines: string[] = [];
    const log = createLogger({ format, level, write: (line) => lines.push(line) });
    log.debug('detail');
    log.warn('slow answer', { host: 'a b', attempt: 2, url: 'redis://:pw@h' });
    return lines;
  };

  it('writes text or JSON, without secrets', () => {
    const [text] = linesOf('text', 'info');
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT\S+Z warn {2}slow answer host="a b" attempt=2 url=redis:\/\/\*\*\*@h\n$/);
    const [json] = linesOf('json', 'info');
    expect(JSON.parse(json ?? '')).toMatchObject({ msg: 'slow answer', attempt: 2, url: 'redis://***@h' });
  });

  it('keeps to its level', () => {
    expect(linesOf('text', 'debug')).toHaveLength(2);
    expect(linesOf('text', 'info')).toHaveLength(1);
    expect(linesOf('text', 'error')).toHaveLength(0);
  });
});

describe('colours', () => {
  it('exist on a terminal alone, and not with NO_COLOR', () => {
    expect(createColors({}, {}).heading('x')).toBe('x');
    expect(createColors({ isTTY: true }, { NO_COLOR: '1' }).heading('x')).toBe('x');
    expect(createColors({ isTTY: true }, { TERM: 'dumb' }).heading('x')).toBe('x');
  });
});
