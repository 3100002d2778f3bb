/**
 * What a capture is measured against, each a process of its own: `receive` counts frames and does nothing else; `parse`
 * is the route without a scanner, JSON.parse and a record per row, into the same store; `naive` is JSON.parse and a line of
 * JSON.stringify per row, into a file.
 *
 *   node --import tsx clients.ts receive|parse|naive URL STORE TOPIC,…
 */
import { createWriteStream } from 'node:fs';
import { WebSocket } from 'ws';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { openStoreWriter, type StoreWriter } from '../../../src/lib/storage/store-writer.js';

const [, , kind, url = '', directory = '', list = ''] = process.argv;
const topics = list.split(',');
const FLUSH_EVERY = 50;

type Row = { T: number; s: string; S: string; v: string; p: string; i: string; seq: number };
type Level = [price: string, amount: string];
type Book = { s: string; b: Level[]; a: Level[]; u: number };
type Frame = { topic?: string; type: string; ts: number; data: Row[] | Book };

let frames = 0;
let waiting: AnyRecord[] = [];
let stamped = 0;

function take(data: Buffer): void {
  const frame = JSON.parse(data.toString()) as Frame;
  if (!frame.topic) return;
  if (!Array.isArray(frame.data)) {
    takeBook(frame, frame.data);
    return;
  }
  frames += 1;
  for (const row of frame.data) {
    waiting.push({
      type: 'trade',
      ...identity(row.s, row.T),
      id: row.i,
      price: Number(row.p),
      amount: Number(row.v),
      side: row.S === 'Buy' ? 'buy' : 'sell',
      sequence: String(row.seq),
    });
  }
}

function takeBook({ type, ts }: Frame, { s, b, a, u }: Book): void {
  const isDelta = type === 'delta';
  if (isDelta) frames += 1;
  const levels = (of: Level[]) => of.map(([price, amount]) => [Number(price), Number(amount)] as const);
  const common = { ...identity(s, ts), bids: levels(b), asks: levels(a), sequence: String(u) };
  waiting.push(isDelta ? { type: 'book_delta', ...common } : { type: 'book_snapshot', ...common });
}

function identity(symbol: string, milliseconds: number) {
  stamped = Math.max(Date.now() * 1000, stamped + 1);
  return { exchange: 'bybit', market: 'linear', symbol, timestamp: milliseconds * 1000, localTimestamp: stamped } as const;
}

type Output = Pick<StoreWriter, 'write'> & { close(): Promise<unknown> };

function openLines(): Output {
  const file = createWriteStream(`${directory}.ndjson`);
  return {
    async write(records) {
      let text = '';
      for (const record of records) text += `${JSON.stringify(record)}\n`;
      if (!file.write(text)) await new Promise((resolve) => file.once('drain', resolve));
    },
    close: () => new Promise<void>((resolve) => file.end(resolve)),
  };
}

const writer: Output | undefined =
  kind === 'parse' ? await openStoreWriter(directory, { step: 'bench' }) : kind === 'naive' ? openLines() : undefined;
const socket = new WebSocket(`${url}/v5/public/linear`, { perMessageDeflate: false });
/** `{"topic"…` and not `{"success"…`, without the snapshots that begin books. */
const count = (data: Buffer) => {
  if (data[2] === 0x74 && !data.includes('"type":"snapshot","ts":1764000000000')) frames += 1;
};
socket.on('message', writer ? (data) => take(data as Buffer) : (data) => count(data as Buffer));
socket.on('open', () => {
  for (let start = 0; start < topics.length; start += 100)
    socket.send(JSON.stringify({ op: 'subscribe', args: topics.slice(start, start + 100), req_id: String(start) }));
});

let writing = Promise.resolve();
const timer = setInterval(() => {
  const batch = waiting;
  waiting = [];
  if (writer && batch.length > 0) writing = writing.then(() => writer.write(batch));
}, FLUSH_EVERY);

process.once('SIGINT', async () => {
  socket.terminate();
  clearInterval(timer);
  await writing;
  if (writer && waiting.length > 0) await writer.write(waiting);
  await writer?.close();
  console.log(JSON.stringify({ frames }));
});
