import type { Exchange, HttpRequest } from '../../src/lib/exchanges/exchange.js';
import { type HistoryPage, type HistoryQuery, type HistoryRecord, historyOf } from '../../src/lib/exchanges/history.js';
import type { Span } from '../../src/lib/model/span.js';
import type { ExchangeServer } from './exchange-server/index.js';

/** Every page of a query as a server answers it, without pacing; fails where an answer is no data. */
type FetchedHistory = {
  readonly records: HistoryRecord[];
  readonly pages: HistoryPage[];
  readonly requests: HttpRequest[];
  /** What each chain covers at its end. */
  readonly covered: (Span | undefined)[];
};

export async function fetchAllPages(exchange: Exchange, server: ExchangeServer, query: HistoryQuery): Promise<FetchedHistory> {
  const fetched: FetchedHistory = { records: [], pages: [], requests: [], covered: [] };
  const now = server.now() * 1000;
  for (const first of historyOf(exchange).pages(query, now)) {
    let covered: Span | undefined;
    let page: readonly HttpRequest[] | undefined = first;
    while (page) {
      const bodies: string[] = [];
      for (const request of page) bodies.push(await bodyOf(exchange, server, request));
      fetched.requests.push(...page);
      const read = historyOf(exchange).parse(query, page, bodies, { now, covered });
      fetched.pages.push(read);
      fetched.records.push(...read.records);
      covered = read.covered;
      page = read.next;
    }
    fetched.covered.push(covered);
  }
  return fetched;
}

async function bodyOf(exchange: Exchange, server: ExchangeServer, { path, query }: HttpRequest): Promise<string> {
  const response = await fetch(`${server.restUrl}${path}?${new URLSearchParams(query)}`);
  const body = await response.text();
  const verdict = exchange.rest.judge({ status: response.status, headers: {}, body }, server.now());
  if (verdict.kind !== 'data') throw new Error(`${path}?${new URLSearchParams(query)}: ${JSON.stringify(verdict)}`);
  return body;
}
