import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { FailureError, UnreachableError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import type { HttpClient } from '../transport/http.js';
import { openTape } from './tape-reader.js';

/** The answer to a request, and when it arrived (microseconds). */
export type RestBody = { readonly body: string; readonly at: number };

/** Where the answers of one exchange come from; undefined when a recording holds none to this request. */
export type RestSource = (request: HttpRequest) => Promise<RestBody | undefined>;

/** The instruments of one market, by symbol; `rejected` holds one reason per row that could not be mapped. */
export type InstrumentList = { readonly instruments: readonly Instrument[]; readonly rejected: readonly string[] };

/** More pages than any exchange has: a cursor that leads in a circle must end. */
const MOST_PAGES = 100;

/** Returns a source that asks the exchange itself. */
export function restSource(client: HttpClient, origin: string, now: () => number): RestSource {
  return async (request) => ({ body: await client.get(origin, request), at: now() });
}

/**
 * Returns every instrument of a market, whatever its status, in order of their symbols. Throws an `UnreachableError`
 * when the exchange cannot be reached or refuses, a `FailureError` when a recording lacks the list.
 */
export async function listInstruments(exchange: Exchange, market: Market, source: RestSource): Promise<InstrumentList> {
  const instruments = new Map<string, Instrument>();
  const rejected: string[] = [];
  const requests = exchange.instruments.requests(market);
  let answered = 0;
  for (const first of requests) {
    for await (const page of pages(exchange, first, source)) {
      answered += 1;
      for (const instrument of page.instruments) instruments.set(instrument.symbol, instrument);
      rejected.push(...page.rejected);
    }
  }
  if (answered === 0)
    throw new FailureError(`no instrument list of ${exchange.id} ${market} on the tape (${requests.map(urlOf).join(', ')})`);
  return { instruments: [...instruments.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)), rejected };
}

async function* pages(exchange: Exchange, first: HttpRequest, source: RestSource) {
  let request: HttpRequest | undefined = first;
  for (let page = 0; request !== undefined && page < MOST_PAGES; page++) {
    const answer = await source(request);
    if (!answer) return;
    const parsed = exchange.instruments.parse(request, answer.body, answer.at);
    yield parsed;
    request = parsed.next;
  }
  if (request !== undefined) throw new UnreachableError(`${exchange.id}: the instrument list has no end (${MOST_PAGES} pages)`);
}

/** Parameters that decide what an answer holds; others (limits, the recorder's own filters) do not tell two apart. */
const DECISIVE = ['category', 'productType', 'symbol', 'cursor'];

/**
 * Reads tapes and returns what they hold of an exchange's REST answers: of two to the same request the later one.
 * Throws a `FailureError` when a tape is another exchange's.
 */
export async function recordedSource(exchange: Exchange, paths: readonly string[]): Promise<RestSource> {
  const bodies = new Map<string, RestBody>();
  for (const path of paths) {
    const { header, batches } = await openTape(path);
    if (header.exchange !== exchange.id)
      throw new FailureError(`${path}: expected a tape of ${exchange.id}, is one of ${header.exchange}`);
    for await (const entries of batches) {
      for (const entry of entries) {
        if (entry.kind !== 'http' || entry.status !== 200 || !URL.canParse(entry.url)) continue;
        const url = new URL(entry.url);
        bodies.set(identityOf(url.pathname, url.searchParams), { body: entry.body, at: entry.at });
      }
    }
  }
  return async ({ path, query }) => bodies.get(identityOf(path, new URLSearchParams(query)));
}

function identityOf(path: string, parameters: URLSearchParams): string {
  return [path, ...DECISIVE.map((name) => parameters.get(name)?.toUpperCase() ?? '')].join(' ');
}

function urlOf({ path, query }: HttpRequest): string {
  return `${path}?${new URLSearchParams(query)}`;
}
