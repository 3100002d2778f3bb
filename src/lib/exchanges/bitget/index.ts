import { MARKETS } from '../../model/records.js';
import type { Exchange } from '../exchange.js';
import { BitgetReader, DIALECT_V2, DIALECT_V3 } from './frames.js';
import { HISTORY } from './history.js';
import { instrumentFallbacks, instrumentRequests, parseInstruments } from './instruments.js';
import { lastPriceRequest, parseLastPrice } from './last-price.js';
import { LIVE, REST_ORIGIN } from './live.js';
import { nativeSymbol } from './names.js';
import { channelsOf, plan, protocolOf } from './plan.js';
import { POLLING } from './polling.js';
import { PRIVATE } from './private/index.js';
import { V2, V3 } from './protocols.js';
import { CLOCK, REST } from './rest-answers.js';
import { parseTiers, tierRequest } from './tiers.js';

/** Bitget: the v2 ("Classic") public socket by default, v3 ("UTA") where it is asked for; both REST generations. */
export const bitget = {
  id: 'bitget',
  name: 'Bitget',
  apis: ['v2', 'v3'],
  markets: MARKETS,
  origins: () => ({ websocket: 'wss://ws.bitget.com', rest: REST_ORIGIN }),
  channels: channelsOf,
  amountUnit: () => 'base',
  candleIntervals: (_market, api) => [...protocolOf(api).intervals.keys()],
  instruments: { requests: instrumentRequests, fallbacks: instrumentFallbacks, parse: parseInstruments },
  tiers: { request: tierRequest, parse: parseTiers },
  lastPrice: { request: lastPriceRequest, parse: parseLastPrice },
  clock: CLOCK,
  history: HISTORY,
  polling: POLLING,
  privateSide: PRIVATE,
  rest: REST,
  nativeSymbol,
  plan,
  live: LIVE,
  createReader(url: string) {
    const path = url.replace(/[?#].*$/, '').replace(/\/$/, '');
    if (path.endsWith(V2.path)) return new BitgetReader(DIALECT_V2);
    if (path.endsWith(V3.path)) return new BitgetReader(DIALECT_V3);
    return undefined;
  },
} satisfies Exchange;
