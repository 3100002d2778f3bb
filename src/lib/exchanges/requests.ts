import type { Market } from '../model/records.js';

/**
 * A request as data; the client that sends it puts the origin in front of `path`. It never holds a key or a signature: tapes,
 * logs and errors may show it as it is.
 */
export type HttpRequest = {
  /** GET unless it says otherwise. Only a GET may be sent again by a client. */
  readonly method?: 'GET' | 'POST' | undefined;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** JSON, serialised once: the bytes that are signed are the bytes that travel. */
  readonly body?: string | undefined;
  /** Whether the client signs it, just before its bytes leave. */
  readonly signed?: boolean | undefined;
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
