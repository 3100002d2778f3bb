import { MARKETS, type Market } from '../../model/records.js';
import type { Exchange, FrameReader } from '../exchange.js';
import { ARCHIVES } from './archives.js';
import { BybitReader } from './frames.js';
import { HISTORY } from './history.js';
import { parse, requests } from './instruments.js';
import { CANDLE_INTERVALS } from './intervals.js';
import { lastPriceRequest, parseLastPrice } from './last-price.js';
import { LIVE } from './live.js';
import { nativeSymbol } from './names.js';
import { channels, plan } from './plan.js';
import { POLLING } from './polling.js';
import { PRIVATE } from './private/index.js';
import { CLOCK, REST } from './rest-answers.js';
import { parseTiers, tierRequest } from './tiers.js';

/** Bybit, protocol v5: https://bybit-exchange.github.io/docs/v5/intro */
export const bybit = {
  id: 'bybit',
  name: 'Bybit',
  apis: ['v5'],
  markets: MARKETS,
  origins: () => ({ websocket: 'wss://stream.bybit.com', rest: 'https://api.bybit.com' }),
  channels,
  amountUnit: (market: Market) => (market === 'inverse' ? 'quote' : 'base'),
  candleIntervals: () => CANDLE_INTERVALS,
  instruments: { requests, parse },
  tiers: { request: tierRequest, parse: parseTiers },
  lastPrice: { request: lastPriceRequest, parse: parseLastPrice },
  clock: CLOCK,
  history: HISTORY,
  polling: POLLING,
  privateSide: PRIVATE,
  rest: REST,
  archives: ARCHIVES,
  nativeSymbol,
  plan,
  live: LIVE,
  createReader,
} satisfies Exchange;

/** Options, spreads and private sockets are other paths, and have no reader. */
function createReader(url: string): FrameReader | undefined {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  const market = MARKETS.find((candidate: Market) => path === `/v5/public/${candidate}`);
  return market && new BybitReader(market);
}
