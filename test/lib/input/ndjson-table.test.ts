import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadNdjson } from '../../../src/lib/input/ndjson-table.js';
import { temporaryTable } from '../../../src/lib/input/text-target.js';
import { bothReaders } from '../../support/both-readers.js';

const read = bothReaders((database, path, table) => loadNdjson(database, path, temporaryTable(database, table)));

/** Sorted: DuckDB's reader returns one type after the other. */
async function both(name: string, content: string | Buffer) {
  const { fast, slow, broken } = await read(name, content);
  return { fast: fast?.sort(), slow: slow.sort(), broken };
}

const TRADE =
  '{"type":"trade","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":1786310817000000,"local_timestamp":1786310817000001,"id":"a-1","price":65114.3,"amount":0.001,"side":"buy","sequence":"9007199254740993"}';
const CLOCK = '{"type":"clock","exchange":"bybit","market":"linear","timestamp":1786310818000000}';
const GAP =
  '{"type":"gap","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":1786310819000000,"channel":"trade","from_timestamp":1786310818000000,"until_timestamp":1786310819000000,"reason":"disconnect","repaired":0,"missing":true}';

describe('NDJSON by the reader of DuckDB', () => {
  it('holds the records of the other reader, or is declined', async () => {
    const one = (usual: string, ...others: string[]) =>
      fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
    const double = fc.double({ min: 1e-8, max: 1e8, noNaN: true }).map(String);
    const odd = [
      '"1.5"',
      '1e400',
      '01',
      '1.',
      '.5',
      '+1',
      '-1',
      '0',
      '-0',
      'NaN',
      'Infinity',
      '1e3',
      '1E-8',
      '0x10',
      'null',
      'true',
      '[1]',
      '{}',
      '1_0',
      '123456789012345678901',
    ];
    const number = fc.oneof({ weight: 8, arbitrary: double }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
    const time = one(
      '1786310817000000',
      '1786310817000000.0',
      '1786310817000000.5',
      '1.786310817e15',
      '"1786310817000000"',
      '5',
      'null',
      '9007199254740993',
      '18446744073709551615',
    );
    const arrival = one('1786310817000001', 'null', '0', '-1', '1786310817000001.5', '""');
    const sequence = one('"9007199254740993"', '"007"', '"+4"', '"-3"', '5', '"9223372036854775808"', '" 1"', 'null', '""');
    const id = one('"a"', '"é"', '"1.76E+12"', '""', '"a\\u0062"', '12', '"NULL"', '"null"', '"x y"', `"${'x'.repeat(40)}"`);
    const side = one('"buy"', '"sell"', '"BUY"', 'null');
    const name = one('"price"', '"Price"', '"amount"', '"note"', ' "price"', '"pri\\u0063e"');
    const separator = one(',', ', ', ',,', '\t,');
    const row = fc
      .tuple(time, arrival, id, number, number, side, sequence, name, separator)
      .map(
        ([at, local, own, price, amount, taker, order, key, comma]) =>
          `{"type":"trade","exchange":"bybit","market":"linear","symbol":"X","timestamp":${at},"local_timestamp":${local},"id":${own},${key}:${price}${comma}"amount":${amount},"side":${taker},"sequence":${order}}`,
      );
    const lines = fc.array(
      fc.oneof({ weight: 2, arbitrary: fc.constantFrom(TRADE, CLOCK, GAP) }, { weight: 3, arbitrary: row }),
      { minLength: 1, maxLength: 3 },
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(lines, async (rows) => {
        const { fast, slow, broken } = await both('random.ndjson', `${rows.join('\n')}\n`);
        if (!fast) return;
        taken += 1;
        expect(broken).toEqual([]);
        expect(fast).toEqual(slow);
      }),
      { numRuns: 80, seed: 11 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  it.each([
    ['trades, clocks and gaps together', `${[TRADE, CLOCK, GAP, TRADE.replace('a-1', 'a-2')].join('\n')}\n`],
    ['a last line without its end', `${TRADE}\n${CLOCK}`],
    [
      'names in another order and unknown ones',
      '{"note":5,"price":1,"amount":2.5,"side":"buy","id":"a","timestamp":1786310817000000,"symbol":"X","market":"spot","exchange":"bitget","type":"trade"}\n',
    ],
    ['texts beyond ASCII', `${TRADE.replace('a-1', 'é€😀')}\n`],
  ])('is taken: %s', async (_, text) => {
    for (const [name, content] of [
      ['plain.ndjson', text],
      ['packed.ndjson.gz', gzipSync(text)],
    ] as const) {
      const { fast, slow, broken } = await both(name, content);
      expect(broken).toEqual([]);
      expect(fast?.length).toBeGreaterThan(0);
      expect(fast).toEqual(slow);
    }
  });

  const many = `${Array.from({ length: 400 }, (_, row) => TRADE.replace('a-1', `a-${row * 7919}`)).join('\n')}\n`;
  it.each([
    ['a blank line', `${TRADE}\n\n${TRADE}\n`],
    ['blanks', `${TRADE.replaceAll(',', ', ')}\n`],
    ['CRLF', `${TRADE}\r\n`],
    ['a name that is there twice', `${TRADE.replace('"price":65114.3', '"price":1,"price":65114.3')}\n`],
    ['a name that is written with an escape', `${TRADE.replace('"price"', '"pric\\u0065"')}\n`],
    ['a number as text, between others that are none', `${TRADE}\n${TRADE.replace('65114.3', '"65114.3"')}\n`],
    ['a time with a fraction', `${TRADE.replace('17000000', '17000000.5')}\n`],
    ['half a line', `${TRADE}\n${TRADE.slice(0, 80)}`],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(TRADE.slice(0, 130)), Buffer.from([0xff]), Buffer.from(`${TRADE.slice(130)}\n`)]),
    ],
    ['gzip that is cut within its checksum', gzipSync(many).subarray(0, -4)],
    ['gzip with another one behind it that is cut', Buffer.concat([gzipSync(many), gzipSync(many).subarray(0, 200)])],
    [
      'a book, which has lists',
      '{"type":"book_snapshot","exchange":"bybit","market":"linear","symbol":"X","timestamp":1786310817000000,"bids":[[1,2]],"asks":[[3,4]]}\n',
    ],
  ])('is declined: %s', async (_, content) => {
    const name = typeof content === 'string' || content[0] === 123 ? 'odd.ndjson' : 'odd.ndjson.gz';
    const { fast } = await both(name, content).catch(() => ({ fast: undefined }));
    expect(fast).toBeUndefined();
  });
});
