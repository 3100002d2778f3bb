import type { Exchange } from '../../../src/lib/exchanges/exchange.js';
import { FailureError } from '../../../src/lib/model/errors.js';
import { positive } from '../../../src/lib/model/numbers.js';
import type { Instrument } from '../../../src/lib/model/records.js';

type Row = {
  readonly name: string;
  readonly base: string;
  readonly quote: string;
  readonly contract: string;
  readonly tick: string;
};

/** `GET /instruments`: `{"instruments": [{"name", "base", "quote", "contract", "tick"}]}`. */
export const INSTRUMENTS: Exchange['instruments'] = {
  requests: () => [{ path: '/instruments', query: {} }],
  parse(_request, body, at) {
    const { instruments } = JSON.parse(body) as { instruments?: readonly Row[] };
    if (!Array.isArray(instruments)) throw new FailureError('toy /instruments: expected a list, found none');
    const read = instruments.map((row) => parseInstrument(row, at));
    return {
      instruments: read.filter((instrument) => typeof instrument !== 'string'),
      rejected: read.filter((reason) => typeof reason === 'string'),
    };
  },
};

function parseInstrument({ name, base, quote, contract, tick }: Row, at: number): Instrument | string {
  const contractSize = positive(contract);
  const tickSize = positive(tick);
  if (contractSize === undefined || tickSize === undefined) return `${name}: expected a contract and a tick above 0`;
  return {
    type: 'instrument',
    exchange: 'toy',
    market: 'linear',
    symbol: name,
    timestamp: at,
    base,
    quote,
    settle: quote,
    kind: 'perpetual',
    status: 'trading',
    tickSize,
    // One contract is the smallest order.
    lotSize: contractSize,
    contractSize,
    amountUnit: 'base',
    canonical: `toy:linear:${name}`,
    ccxt: `${base}/${quote}:${quote}`,
  };
}

/** Accepts `BTC-USDT`, `toy:linear:BTC-USDT` and `BTC/USDT:USDT`, in either case. */
export function nativeSymbol(spelling: string): string | undefined {
  const text = spelling.trim().toUpperCase();
  const [, base, quote] = /^(?:TOY:LINEAR:)?([^\s:/-]+)[-/]([^\s:/-]+)(?::\2)?$/.exec(text) ?? [];
  return base && quote ? `${base}-${quote}` : undefined;
}
