import type { Exchange, HttpRequest, InstrumentPage } from '../exchanges/exchange.js';
import { FailureError, UnreachableError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import type { RecordedBodies } from '../tape/recorded-bodies.js';
import type { HttpClient } from '../transport/http.js';

/** The answer to a request, and when it arrived (microseconds). */
export type RestBody = { readonly body: string; readonly at: number };

/** Where the answers of one exchange come from. */
export type RestSource = {
  /** Returns undefined when a recording holds no answer to this request. */
  answer(request: HttpRequest): Promise<RestBody | undefined>;
  /** Whether the exchange itself answers: what it refuses is then unreachable, not a faulty recording. */
  readonly live: boolean;
};

/**
 * The instruments of one market, by symbol; `rejected` holds one reason per row that could not be mapped. It is `whole`
 * when every page was there and every row could be read: then what is not in it is not listed.
 */
export type InstrumentList = {
  readonly instruments: readonly Instrument[];
  readonly rejected: readonly string[];
  readonly whole: boolean;
};

/** More pages than any exchange has: a cursor that leads in a circle must end. */
const MOST_PAGES = 100;

/** Returns a source that asks the exchange; `now` returns microseconds. */
export function liveSource(client: HttpClient, origin: (request: HttpRequest) => string, now: () => number): RestSource {
  return { live: true, answer: async (request) => ({ body: await client.get(origin(request), request), at: now() }) };
}

/** Returns a source that answers with what a tape holds. */
export function recordedSource(bodies: RecordedBodies): RestSource {
  return { live: false, answer: async (request) => bodies.find(request) };
}

/**
 * Returns every instrument of a market, whatever its status, in order of symbols, undefined when a recording holds none
 * of its lists. Throws an `UnreachableError` when the exchange cannot be reached or refuses, a `FailureError` on a
 * recording that cannot be read.
 */
export async function listInstruments(
  exchange: Exchange,
  market: Market,
  source: RestSource,
): Promise<InstrumentList | undefined> {
  const instruments = new Map<string, Instrument>();
  const rejected = new Set<string>();
  let answered = false;
  let missing = false;
  for (const first of exchange.instruments.requests(market)) {
    let next: HttpRequest | undefined = first;
    for await (const page of pagesFrom(exchange, first, source)) {
      answered = true;
      next = page.next;
      for (const instrument of page.instruments) instruments.set(instrument.symbol, instrument);
      for (const reason of page.rejected) rejected.add(reason);
    }
    missing ||= next !== undefined;
  }
  if (!answered) return undefined;
  return {
    instruments: [...instruments.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    rejected: [...rejected],
    whole: !missing && rejected.size === 0,
  };
}

/** Yields the pages of one list, from its first request on; none where a recording does not hold it. */
export async function* pagesFrom(exchange: Exchange, first: HttpRequest, source: RestSource): AsyncGenerator<InstrumentPage> {
  let request: HttpRequest | undefined = first;
  for (let page = 0; request !== undefined; page++) {
    if (page === MOST_PAGES)
      throw new UnreachableError(`${exchange.id}: the instrument list does not end after ${MOST_PAGES} pages`);
    const answer = await source.answer(request);
    if (!answer) return;
    const parsed = parse(exchange, request, answer, source.live);
    yield parsed;
    request = parsed.next;
  }
}

function parse(exchange: Exchange, request: HttpRequest, { body, at }: RestBody, live: boolean): InstrumentPage {
  try {
    return exchange.instruments.parse(request, body, at);
  } catch (error) {
    if (live && error instanceof FailureError) throw new UnreachableError(error.message, { cause: error });
    throw error;
  }
}
