/**
 * What a capture is measured against, each a process of its own: `receive` counts frames and does nothing else; `parse`
 * is the route without a scanner, JSON.parse and a record per row, into the same store.
 *
 *   node --import tsx clients.ts receive|parse URL STORE SYMBOL,…
 */
import { WebSocket } from 'ws';
import type { Trade } from '../../../src/lib/model/records.js';
import { openStoreWriter, type StoreWriter } from '../../../src/lib/storage/store-writer.js';

const [, , kind, url = '', directory = '', list = ''] = process.argv;
const topics = list.split(',').map((symbol) => `publicTrade.${symbol}`);
const FLUSH_EVERY = 50;

type Row = { T: number; s: string; S: string; v: string; p: string; i: string; seq: number };

let frames = 0;
let waiting: Trade[] = [];
let stamped = 0;

function take(data: Buffer): void {
  const frame = JSON.parse(data.toString()) as { topic?: string; data: Row[] };
  if (!frame.topic) return;
  frames += 1;
  for (const row of frame.data) {
    stamped = Math.max(Date.now() * 1000, stamped + 1);
    waiting.push({
      type: 'trade',
      exchange: 'bybit',
      market: 'linear',
      symbol: row.s,
      timestamp: row.T * 1000,
      localTimestamp: stamped,
      id: row.i,
      price: Number(row.p),
      amount: Number(row.v),
      side: row.S === 'Buy' ? 'buy' : 'sell',
      sequence: String(row.seq),
    });
  }
}

const writer: StoreWriter | undefined = kind === 'parse' ? await openStoreWriter(directory, { step: 'bench' }) : undefined;
const socket = new WebSocket(`${url}/v5/public/linear`, { perMessageDeflate: false });
/** `{"topic"…` and not `{"success"…`. */
const count = (data: Buffer) => {
  if (data[2] === 0x74) frames += 1;
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
