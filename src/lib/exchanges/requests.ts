import type { Market } from '../model/records.js';

/** A GET request as data; the client that sends it puts the origin in front of `path`. */
export type HttpRequest = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The market whose REST origin answers; absent where all markets share one. */
  readonly market?: Market | undefined;
};

/** Where the sockets and the REST interface of a market answer: scheme and host, without a path. */
export type Origins = { readonly websocket: string; readonly rest: string };

/** Returns the origins of a market. */
export type OriginsOf = (market: Market) => Origins;

/** Returns the REST origin that answers a request of an exchange. */
export function restOriginFor(markets: readonly Market[], origins: OriginsOf, { market }: HttpRequest): string {
  return origins(market ?? (markets[0] as Market)).rest;
}

/** A message to send, and the topics it asks for. `request` is the id that the answer carries, where the exchange uses ids. */
export type OutgoingMessage = {
  readonly text: string;
  readonly topics: readonly string[];
  readonly request?: string | undefined;
};
