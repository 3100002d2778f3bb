import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCsv } from '../../../src/lib/input/csv-table.js';
import { temporaryTable } from '../../../src/lib/input/text-target.js';
import { zstdOf } from '../../support/archives.js';
import { bothReaders } from '../../support/both-readers.js';

const both = bothReaders(async (database, path, table) => {
  const loaded = await loadCsv(database, path, temporaryTable(database, table));
  return loaded && [loaded];
});

const HEADER = 'exchange,market,symbol,timestamp,local_timestamp,id,price,amount,side,sequence';
const ROW = 'bybit,linear,BTCUSDT,1786310817000000,1786310817000001,a-1,65114.3,0.001,buy,9007199254740993';

describe('CSV by the reader of DuckDB', () => {
  it.each(['', '\ufeff'])('has a column type beside those of other types, after "%s"', async (mark) => {
    const { fast, slow, broken } = await both('typed.csv', `${mark}repaired,${HEADER},type\n,${ROW},trade\n`);
    expect([fast, slow.length, broken]).toEqual([slow, 1, []]);
  });

  it('leaves rows of another type among them to the other reader', async () => {
    const gap = 'bybit,linear,BTCUSDT,1786310817000000,,,,,,,gap';
    const { fast, slow, broken } = await both('two-types.csv', `${HEADER},type\n${ROW},trade\n${gap}\n`);
    expect([fast, slow.length, broken]).toEqual([undefined, 1, [expect.stringContaining('row 3')]]);
  });

  it.each(['1.78631E+15', '1.78631e15', '1.786310817000E15'])(
    'refuses the time %s line by line, as the other reader',
    async (time) => {
      const { fast, slow, broken } = await both('rounded.csv', `${HEADER}\n${ROW}\n${ROW.replace('1786310817000000', time)}\n`);
      expect([fast, slow.length]).toEqual([undefined, 1]);
      expect(broken).toEqual([expect.stringContaining(`row 3: trade.timestamp: ${time} was rounded by a spreadsheet`)]);
    },
  );

  it('refuses an id that a spreadsheet rounded: further trades would be dropped as its copies', async () => {
    const row = ROW.replace('a-1', '1.76E+12');
    const { fast, slow, broken } = await both('rounded-id.csv', `${HEADER}\n${row}\n${row}\n`);
    expect([fast, slow]).toEqual([undefined, []]);
    expect(broken.map((reason) => reason.split('.csv: ')[1])).toEqual([
      'row 2: trade.id: 1.76E+12 was rounded by a spreadsheet; export the column as text',
      'row 3: trade.id: 1.76E+12 was rounded by a spreadsheet; export the column as text',
    ]);
  });

  it('holds the records of the other reader, or is declined', async () => {
    const number = fc.oneof(
      { weight: 6, arbitrary: fc.double({ min: 1e-8, max: 1e8, noNaN: true }).map(String) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '',
          '+1',
          '.5',
          '5.',
          '1e3',
          '1E-8',
          '0x10',
          'nan',
          'inf',
          '1e400',
          '1e',
          '.',
          '1.2.3',
          '0',
          '-1',
          '1_0',
          ' 1',
          '"1"',
          '00.5',
          '1d',
          'true',
          '１',
        ),
      },
    );
    const time = fc.constantFrom(
      '1786310817000000',
      '1786310817000000',
      '1786310817000000',
      '1.786310817e15',
      '1786310817000000.0',
      '1786310817000000.5',
      '1786310817',
      '0',
      '',
      '9007199254740993',
    );
    const sequence = fc.constantFrom('', '5', '9223372036854775807', '9223372036854775808', '007', '-3', '1.0', '1e3', '+4');
    const side = fc.constantFrom('buy', 'buy', 'buy', 'sell', 'BUY', '');
    const id = fc.constantFrom('a', 'é', 'x'.repeat(40), '1', '', 'NULL', "'", '#a', '\\N');
    const row = fc
      .tuple(time, id, number, number, side, sequence)
      .map(([at, one, price, amount, taker, order]) => `bybit,linear,X,${at},,${one},${price},${amount},${taker},${order}`);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(ROW) }, row), { minLength: 1, maxLength: 3 }),
        async (rows) => {
          const { fast, slow, broken } = await both('random.csv', `${HEADER}\n${rows.join('\n')}\n`);
          if (!fast) return;
          taken += 1;
          expect(broken).toEqual([]);
          expect(fast).toEqual(slow);
        },
      ),
      { numRuns: 25 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  it.each([
    [
      'candles, with a longer name of their interval',
      `type,exchange,market,symbol,timestamp,interval,open,high,low,close,volume,source,closed,complete\ncandle,bybit,linear,X,1786310760000000,60s,1,2,0.5,1e-8,3,trades,true,\n`.replace(
        '1e-8',
        '1.5',
      ),
    ],
    ['a last line without its end', `${HEADER}\n${ROW}\n${ROW}`],
    ['CRLF', `${HEADER}\r\n${ROW}\r\n`],
    ['a byte order mark', `\ufeff${HEADER}\n${ROW}\n`],
    ['quotes as R writes them', `${HEADER.replace(/\w+/g, '"$&"')}\n${ROW.replace(/\b[a-zA-Z][\w-]*/g, '"$&"')}\n`],
    ['an empty cell in quotes', `${HEADER}\n${ROW.replace(',buy', ',""')}\n`],
    ['numbers in quotes', `${HEADER}\n${ROW.replace(/[^,]+/g, '"$&"')}\n`],
    ['a comma in quotes', `${HEADER}\n${ROW.replace('a-1', '"a,1"')}\n`],
    ['names with underscores', `${HEADER}\n${ROW.replace('BTCUSDT', 'BTC_USDT').replace('a-1', '_a_1_')}\n`],
    ['names with blanks', `${HEADER}\n${ROW.replace('BTCUSDT', 'BTC USDT').replace('a-1', ' a 1 ')}\n`],
    [
      'columns in another order',
      'price,amount,side,id,timestamp,symbol,market,exchange\n1,2,buy,a,1786310817000000,X,spot,bitget\n',
    ],
  ])('is taken: %s', async (_, text) => {
    for (const [name, content] of [
      ['plain.csv', text],
      ['packed.csv.gz', gzipSync(text)],
      ['packed.csv.zst', zstdOf(text)],
    ] as const) {
      const { fast, slow, broken } = await both(name, content);
      expect(broken).toEqual([]);
      expect(fast?.length).toBeGreaterThan(0);
      expect(fast).toEqual(slow);
    }
  });

  const rows = `${HEADER}\n${Array.from({ length: 400 }, (_, row) => ROW.replace('a-1', `a-${row * 7919}`)).join('\n')}\n`;
  it.each([
    ['a blank line', `${HEADER}\n\n${ROW}\n`],
    ['CRLF in one line only', `${HEADER}\n${ROW}\r\n${ROW}\n`],
    ['a quote within a cell', `${HEADER}\n${ROW.replace('a-1', 'a"1')}\n`],
    ['a quote in quotes', `${HEADER}\n${ROW.replace('a-1', '"a""1"')}\n`],
    ['a line end in quotes', `${HEADER}\n${ROW.replace('a-1', '"a\n1"')}\n`],
    ['quotes and blanks', `${HEADER}\n${ROW.replace('a-1', '"a 1"')}\n`],
    ['text behind quotes', `${HEADER}\n${ROW.replace('a-1', '"a"1')}\n`],
    ['an open quote', `${HEADER}\n${ROW.replace('a-1', '"a-1')}\n`],
    ['an underscore in a number', `${HEADER}\n${ROW.replace('65114.3', '65_114.3')}\n`],
    ['an underscore in a time', `${HEADER}\n${ROW.replace('1786310817000000', '1_786310817000000')}\n`],
    ['an underscore in a sequence', `${HEADER}\n${ROW.replace('9007199254740993', '9007_199254740993')}\n`],
    ['a blank before a number', `${HEADER}\n${ROW.replace('65114.3', ' 65114.3')}\n`],
    ['a blank after a side', `${HEADER}\n${ROW.replace('buy', 'buy ')}\n`],
    ['a line of another type', `type,${HEADER}\nclock,${ROW}\n`],
    ['another delimiter', rows.replaceAll(',', ';')],
    ['a column that nobody knows', `${HEADER},note\n${ROW},x\n`],
    ['a line with too few cells', `${HEADER}\n${ROW}\nbybit\n`],
    ['gzip that is cut within its checksum', gzipSync(rows).subarray(0, -4)],
    ['gzip with a wrong checksum', Buffer.concat([gzipSync(rows).subarray(0, -8), Buffer.alloc(4), gzipSync(rows).subarray(-4)])],
    ['gzip with another one behind it that is cut', Buffer.concat([gzipSync(rows), gzipSync(rows).subarray(0, 200)])],
  ])('is declined: %s', async (_, content) => {
    const { fast } = await both(typeof content === 'string' ? 'odd.csv' : 'odd.csv.gz', content).catch(() => ({
      fast: undefined,
    }));
    expect(fast).toBeUndefined();
  });
});
