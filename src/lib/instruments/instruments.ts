import type { Exchange, HttpRequest, InstrumentPage } from '../exchanges/exchange.js';
import { FailureError, UnreachableError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import type { RecordedBodies } from '../tape/recorded-bodies.js';
import type { HttpClient, Judge } from '../transport/http.js';

/** The answer to a request, and when it arrived (microseconds). */
export type RestBody = { readonly body: string; readonly at: number };

/** A source of answers of one exchange: the exchange itself or a recording. */
export type RestSource = {
  /** Returns the answer to a request, undefined when a recording has none. */
  answer(request: HttpRequest): Promise<RestBody | undefined>;
  /** Whether the exchange itself answers. A refusal is then an `UnreachableError`, not a broken recording. */
  readonly live: boolean;
};

/**
 * The instruments of one market, by symbol; `rejected` holds one reason per unreadable row. The list is `whole` when every
 * page arrived and every row was readable: then a missing symbol is not listed.
 */
export type InstrumentList = {
  readonly instruments: readonly Instrument[];
  readonly rejected: readonly string[];
  readonly whole: boolean;
};

/** More pages than any exchange has. A cursor that loops would otherwise never end. */
const MAX_PAGES = 100;

/** Creates a source that requests the exchange; `now` returns microseconds. */
export function createLiveSource(
  exchange: Exchange,
  client: HttpClient,
  origin: (request: HttpRequest) => string,
  now: () => number,
): RestSource {
  const judge: Judge = (answer) => exchange.rest.judge(answer, now() / 1_000);
  return { live: true, answer: async (request) => ({ body: await client.get(origin(request), request, judge), at: now() }) };
}

/** Creates a source that answers from a tape. */
export function createRecordedSource(bodies: RecordedBodies): RestSource {
  return { live: false, answer: async (request) => bodies.find(request) };
}

/**
 * Returns all instruments of a market with any status, ordered by symbol; undefined when a recording has none of its
 * lists. Throws an `UnreachableError` when the exchange cannot be reached or refuses, a `FailureError` on a
 * recording that cannot be read.
 */
export async function listInstruments(
  exchange: Exchange,
  market: Market,
  source: RestSource,
  onFallback: OnFallback,
): Promise<InstrumentList | undefined> {
  // One after the other, slow answers would add up, and a capture begins only after the last.
  const answers = await Promise.allSettled(
    exchange.instruments.requests(market).map((first) => pagesOf(exchange, first, source, onFallback)),
  );
  // The first failure in order, not in time: two runs with the same fault give the same reason.
  const lists = answers.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
  const pages = lists.flat();
  if (pages.length === 0) return undefined;
  const instruments = new Map(pages.flatMap((page) => page.instruments.map((instrument) => [instrument.symbol, instrument])));
  const rejected = new Set(pages.flatMap((page) => page.rejected));
  return {
    instruments: [...instruments.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)),
    rejected: [...rejected],
    whole: lists.every((list) => list.length > 0 && list.at(-1)?.next === undefined) && rejected.size === 0,
  };
}

async function pagesOf(...list: Parameters<typeof listPages>): Promise<InstrumentPage[]> {
  const pages: InstrumentPage[] = [];
  for await (const page of listPages(...list)) pages.push(page);
  return pages;
}

/** Called with a sentence when a list could not be had and another one of the same instruments is used. */
export type OnFallback = (text: string) => void;

/**
 * Yields the pages of one list, starting with its first request; none when a recording lacks it. An exchange can refuse a
 * list, or answer with an empty one, while another endpoint still lists the same instruments: then that one is used.
 */
export async function* listPages(
  exchange: Exchange,
  first: HttpRequest,
  source: RestSource,
  onFallback: OnFallback,
): AsyncGenerator<InstrumentPage> {
  let failure: UnreachableError | undefined;
  for (const request of [first, ...(exchange.instruments.fallbacks?.(first) ?? [])]) {
    let isReported = request === first;
    let hasInstruments = false;
    try {
      for await (const page of pagesFrom(exchange, request, source)) {
        hasInstruments ||= page.instruments.length > 0 || page.rejected.length > 0;
        if (hasInstruments && !isReported) onFallback(`${failure?.message ?? emptyList(exchange, first)}; using ${request.path}`);
        isReported ||= hasInstruments;
        yield page;
      }
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      failure ??= error;
    }
    if (hasInstruments) return;
  }
  if (failure) throw failure;
}

function emptyList({ id }: Exchange, { path, query }: HttpRequest): string {
  return `${id} GET ${path}?${new URLSearchParams(query)}: the list is empty`;
}

async function* pagesFrom(exchange: Exchange, first: HttpRequest, source: RestSource): AsyncGenerator<InstrumentPage> {
  let request: HttpRequest | undefined = first;
  for (let page = 0; request !== undefined; page++) {
    if (page === MAX_PAGES) throw new UnreachableError(`the instrument list of ${exchange.id} has more than ${MAX_PAGES} pages`);
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
