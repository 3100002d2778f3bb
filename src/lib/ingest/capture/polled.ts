import type { Exchange } from '../../exchanges/exchange.js';
import type { PolledPage, PolledRecord } from '../../exchanges/polling.js';
import type { Selection } from '../selection.js';
import type { WireEvent } from '../tape/tape.js';

/** Returns what an answer over HTTP tells of what was polled and is wanted; undefined where it answers another question. */
export function polledPage(
  { id, polling }: Exchange,
  { url, status, body }: Pick<Extract<WireEvent, { kind: 'http' }>, 'url' | 'status' | 'body'>,
  selection: Selection,
): Omit<PolledPage, 'market'> | undefined {
  if (selection.polled.length === 0 || status !== 200 || !URL.canParse(url)) return undefined;
  const { pathname: path, searchParams } = new URL(url);
  try {
    const page = polling.parse({ path, query: Object.fromEntries(searchParams) }, body, selection.polled);
    if (!page) return undefined;
    const isWanted = ({ market, symbol }: PolledRecord) =>
      selection.wantsMarket(market) && selection.wantsOfMany(id, market, symbol);
    return { records: page.records.filter(isWanted), rejected: page.rejected };
  } catch (error) {
    return { records: [], rejected: [(error as Error).message] };
  }
}
