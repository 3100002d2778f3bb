/** The scan of frames into typed columns and nothing else: no texts, no objects, no checks of what the numbers mean. */
import { Field, Shape } from '../../src/lib/exchanges/byte-shape.js';
import { byteAt, loadFrame, NONE, readDecimal, readList } from '../../src/lib/exchanges/frame-bytes.js';

const MOST = 8192;
/** Price, amount, time and where the id stands, row by row. */
const prices = new Float64Array(MOST);
const amounts = new Float64Array(MOST);
const times = new Float64Array(MOST);
const idStarts = new Int32Array(MOST);
const idEnds = new Int32Array(MOST);
let rows = 0;

/** Returns the prices and amounts of a frame; `count` only fills the columns and returns the rows. */
export type Scan = ((frame: Uint8Array) => number[]) & { count: (frame: Uint8Array) => number };

function scanOf(frame: Shape): Scan {
  const count = (bytes: Uint8Array): number => {
    rows = 0;
    if (!loadFrame(bytes) || frame.read(0) !== bytes.length) throw new Error('expected a frame that is read from bytes');
    return rows;
  };
  const scan = (bytes: Uint8Array): number[] => {
    count(bytes);
    return Array.from({ length: rows }, (_, row) => [prices[row] as number, amounts[row] as number]).flat();
  };
  return Object.assign(scan, { count });
}

type TradeFields = { time: Field; price: Field; amount: Field; id: Field };

function tradeRows(row: Shape, { time, price, amount, id }: TradeFields): (at: number) => number {
  return (at) => {
    const end = row.read(at);
    prices[rows] = price.value;
    amounts[rows] = amount.value;
    times[rows] = time.value;
    idStarts[rows] = id.start;
    idEnds[rows] = id.end;
    rows += 1;
    return end;
  };
}

function tradesOf(fields: TradeFields, others: Field[], head: Field[]): Scan {
  const row = new Shape([fields.time, fields.price, fields.amount, fields.id], others);
  const read = tradeRows(row, fields);
  return scanOf(new Shape([new Field('data', (at: number) => readList(at, read))], head));
}

const plain = (...names: string[]) => names.map((name) => new Field(name, 'plain'));
const texts = (...names: string[]) => names.map((name) => new Field(name, 'text'));

export const bybitTrades = tradesOf(
  {
    time: new Field('T', 'integer'),
    price: new Field('p', 'decimal'),
    amount: new Field('v', 'decimal'),
    id: new Field('i', 'text'),
  },
  [...texts('s', 'S'), new Field('seq', 'integer'), ...plain('L', 'BT', 'RPI')],
  [...texts('topic', 'type'), new Field('ts', 'integer')],
);

const argument = new Shape([new Field('instType', 'text')], texts('channel', 'instId'));

export const bitgetTrades = tradesOf(
  {
    time: new Field('ts', 'quotedInteger'),
    price: new Field('price', 'decimal'),
    amount: new Field('size', 'decimal'),
    id: new Field('tradeId', 'text'),
  },
  texts('side'),
  [...texts('action'), new Field('arg', (at: number) => argument.read(at)), new Field('ts', 'integer')],
);

const price = { value: 0.5 };
const amount = { value: 0.5 };

function readLevel(at: number): number {
  const middle = byteAt(at) === 91 ? readDecimal(at + 1, price) : NONE;
  const end = middle > 0 && byteAt(middle) === 44 ? readDecimal(middle + 1, amount) : NONE;
  prices[rows] = price.value;
  amounts[rows] = amount.value;
  rows += 1;
  return end > 0 && byteAt(end) === 93 ? end + 1 : NONE;
}

const side = (name: string) => new Field(name, (at: number) => readList(at, readLevel));
const book = new Shape([side('b'), side('a')], [...texts('s'), new Field('u', 'integer'), ...plain('seq')]);

export const bybitBook = scanOf(
  new Shape(
    [new Field('data', (at: number) => book.read(at))],
    [...texts('topic', 'type'), new Field('ts', 'integer'), new Field('cts', 'integer')],
  ),
);
