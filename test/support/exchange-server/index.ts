import { createBitget } from './bitget/index.js';
import { createBybit } from './bybit/index.js';
import type { Exchange, ExchangeOptions } from './engine/exchange.js';
import type { ServerOptions } from './engine/options.js';
import { ExchangeServer } from './engine/server.js';

/** The exchanges that can be played; adding one is a folder and a line. */
const EXCHANGES: Readonly<Record<string, (options: ExchangeOptions) => Exchange>> = {
  bitget: createBitget,
  bybit: createBybit,
};

export const EXCHANGE_IDS: readonly string[] = Object.keys(EXCHANGES);

export type StartOptions = ServerOptions & Partial<ExchangeOptions> & { readonly port?: number };

/** Starts an exchange on a free port of 127.0.0.1. Throws on an exchange that is not there. */
export async function startExchangeServer(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = new ExchangeServer(createExchange(id, { checksum: options.checksum ?? false }), options);
  return server.listen(options.port ?? 0);
}

/** Returns an exchange by its id, not started. Throws on one that is not there. */
export function createExchange(id: string, options: ExchangeOptions): Exchange {
  const create = EXCHANGES[id];
  if (!create) throw new Error(`expected an exchange of ${EXCHANGE_IDS.join(', ')}, was ${id}`);
  return create(options);
}

export { GARBAGE } from './engine/faults.js';
export type { ServerOptions } from './engine/options.js';
export { HTML } from './engine/rest-faults.js';
export { RULES, type Rule } from './engine/rules.js';
export { ExchangeServer, type Subscribed } from './engine/server.js';
export type { Session } from './engine/session.js';
export type { TrueBook, TrueTrade } from './engine/truth.js';
export type { Market } from './market/listing.js';
