import type { Exchange } from '../../../src/lib/exchanges/exchange.js';
import { BOOK_SNAPSHOTS } from './book.js';
import { ToyReader } from './frames.js';
import { INSTRUMENTS, nativeSymbol } from './instruments.js';
import { CHANNELS, LIVE, PATH, plan } from './live.js';

/** An exchange of tests: perpetuals whose amounts count contracts, books that begin over REST, no text heartbeat. */
export const toy = {
  id: 'toy',
  name: 'Toy',
  apis: ['v1'],
  markets: ['linear'],
  origins: () => ({ websocket: 'wss://stream.toy.example', rest: 'https://api.toy.example' }),
  channels: () => CHANNELS,
  candleIntervals: () => [],
  amountUnit: () => 'base',
  countsContracts: true,
  instruments: INSTRUMENTS,
  rest: {
    host: { requests: 100, within: 1_000 },
    limit: () => undefined,
    judge: ({ status }) => (status === 200 ? { kind: 'data' } : { kind: 'fault', reason: `returned ${status}` }),
  },
  nativeSymbol,
  plan,
  live: LIVE,
  createReader: (url, context) => (new URL(url).pathname === PATH ? new ToyReader(context) : undefined),
  bookSnapshots: BOOK_SNAPSHOTS,
} satisfies Exchange;
