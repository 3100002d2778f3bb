import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { type HistoryPage, type HistoryQuery, type HistoryRecord, historyOf, type PageRequest } from '../exchanges/history.js';
import { FailureError } from '../model/errors.js';
import type { Span } from '../model/span.js';
import { HOUR } from '../model/time.js';
import { RefusedError, type RestClient } from './rest-client.js';

/** One page of a query; `covered` is the span that its chain of pages covers completely so far. */
export type FetchedPage = {
  readonly records: readonly HistoryRecord[];
  readonly rejected: readonly string[];
  readonly covered: Span | undefined;
  /** Whether the page is the last of its chain. */
  readonly last: boolean;
  /** The answer has no rows, which proves nothing; `covered` then is what the exchange claims. */
  readonly isEmpty: boolean;
  /** As in `HistoryPage`. */
  readonly isShort: boolean;
  /** The exchange serves nothing older than this page. */
  readonly isExhausted: boolean;
};

/**
 * Yields every page of a query, chain after chain. Chains are in order of time; the pages of one chain may arrive newest
 * first. `now` returns microseconds. An endpoint that lags or fails may answer with an empty or a short list, which would
 * count as a time without records for ever: with `confirmsEmpty` such a page is asked for again before it is believed, and
 * the bars that it lacks count as fetched only when they are old. Throws as `RestClient.get`, and a `RefusedError` on an
 * unreadable answer or when paging makes no progress.
 */
export async function* fetchHistory(
  client: RestClient,
  exchange: Exchange,
  query: HistoryQuery,
  now: () => number,
  { confirmsEmpty = false }: { readonly confirmsEmpty?: boolean } = {},
): AsyncGenerator<FetchedPage> {
  const { type, market, interval } = query;
  const reach = historyOf(exchange).reach(type, market, interval, now());
  // No page would look like an empty past.
  if (reach.kind === 'none') throw new RefusedError(reach.note);
  for (const first of historyOf(exchange).pages(query, now())) {
    let covered: Span | undefined;
    let request: PageRequest | undefined = first;
    const progress = new Progress(exchange);
    while (request) {
      const ask = (asked: PageRequest) => pageOf(client, exchange, query, asked, { now: now(), covered });
      const answer: HistoryPage = await ask(request);
      const page: HistoryPage = confirmsEmpty && isDoubtful(answer) ? believed(await ask(request), now()) : answer;
      progress.require(request, page);
      const { records, rejected, isEmpty = false, isShort = false, isExhausted = false } = page;
      request = page.next;
      const last = request === undefined || (page.startsChain ?? false);
      yield { records, rejected, covered: page.covered, last, isEmpty, isShort, isExhausted };
      covered = page.startsChain ? undefined : page.covered;
    }
  }
}

/** An endpoint that lags by more does not exist: from then on bars that it lacks are those that the exchange lacks. */
export const LONGEST_LAG = HOUR;

function isDoubtful({ isEmpty = false, lackingSince }: HistoryPage): boolean {
  return isEmpty || lackingSince !== undefined;
}

/** Returns a page that was asked for again. The bars that it still lacks are not covered while the exchange may be late. */
function believed(page: HistoryPage, now: number): HistoryPage {
  const { covered, lackingSince } = page;
  if (covered === undefined || lackingSince === undefined || lackingSince < now - LONGEST_LAG) return page;
  const until = Math.min(covered.until, lackingSince);
  return { ...page, covered: covered.from < until ? { from: covered.from, until } : undefined };
}

async function pageOf(
  client: RestClient,
  exchange: Exchange,
  query: HistoryQuery,
  page: PageRequest,
  before: { now: number; covered: Span | undefined },
): Promise<HistoryPage> {
  const bodies = await Promise.all(page.map((request) => client.get(exchange, request)));
  try {
    return historyOf(exchange).parse(query, page, bodies, before);
  } catch (error) {
    if (error instanceof FailureError) throw new RefusedError(error.message, { cause: error });
    throw error;
  }
}

/**
 * Ends a chain of pages that makes no progress. An exchange that ignores a start, an end or a page number answers with the
 * same page again; without this the run would repeat the request for ever.
 */
class Progress {
  readonly #exchange: Exchange;
  readonly #requests = new Set<string>();
  #last = '';

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Throws a `RefusedError` when the next request was sent before, or the page has the same content as the one before it. */
  require(request: PageRequest, { records, covered, next }: HistoryPage): void {
    this.#requests.add(JSON.stringify(request));
    const content = records.length === 0 ? '' : JSON.stringify([records, covered]);
    const isRepeated = content !== '' && content === this.#last;
    this.#last = content;
    if (!next || !(isRepeated || this.#requests.has(JSON.stringify(next)))) return;
    const [{ path, query }] = next as [HttpRequest];
    const sent = `GET ${path}?${new URLSearchParams(query)}`;
    throw new RefusedError(`${this.#exchange.id} answers the same page again: paging makes no progress (${sent})`);
  }
}
