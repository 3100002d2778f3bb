import * as Flags from '@oclif/core/flags';
import type { SymbolRunListener } from '../../lib/cli/symbol-listener.js';
import { parseZonedTime } from '../../lib/cli/time-zone.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { createLastGoodLists } from '../../lib/instruments/last-good-lists.js';
import { listsAsOf, requireStorable, type SaveOptions, saveLists, storedLists } from '../../lib/instruments/stored-symbols.js';
import { symbolChanges } from '../../lib/instruments/symbol-changes.js';
import {
  chooseSymbols,
  readLists,
  type SymbolList,
  type SymbolListener,
  type SymbolQuery,
  type SymbolSource,
} from '../../lib/instruments/symbol-list.js';
import type { Instrument } from '../../lib/model/records.js';
import { DAY } from '../../lib/model/time.js';

/** A flag for a time. A date means the end of its day, so that it includes a list of that day. */
export const dateFlag = (name: string, summary: string, exclusive: string[] = []) =>
  Flags.custom<number>({
    summary,
    exclusive,
    description: 'ISO 8601, epoch, or a duration ago (1d, 90m). A date means the end of that day.',
    helpValue: 'TIME',
    parse: async (text) => endOfDay(text, parseZonedTime(text, Date.now() * 1000, name)),
  })();

function endOfDay(text: string, time: number): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(text.trim()) ? time + DAY - 1 : time;
}

/** What a run of `symbols` does. Times are microseconds. */
type SymbolRequest = {
  readonly query: SymbolQuery;
  readonly directory: string;
  /** Exchanges to list, and whether the user named them. */
  readonly exchanges: readonly Exchange[];
  readonly named: boolean;
  readonly asOf?: number | undefined;
  readonly diff?: number | undefined;
  readonly isReplay: boolean;
  /** `-o store` is set. */
  readonly intoStore: boolean;
};

/**
 * Returns the instruments of a run: the filtered lists of the exchanges, of tapes (`sources`) or of the store, or their
 * differences from older lists. Saves lists of the exchanges if a store exists. If an exchange does not respond, its last
 * stored lists replace it with a notice. `--diff` never uses them: an old list would show no change.
 */
export async function symbolRecords(
  request: SymbolRequest,
  sources: () => Promise<readonly SymbolSource[]>,
  listener: SymbolRunListener,
): Promise<AsyncIterable<readonly Instrument[]>> {
  const { query, directory, exchanges, asOf, diff, intoStore } = request;
  if (intoStore) requireStorable({ notation: query.notation, asOf, diff });
  const before = diff === undefined ? undefined : await storedLists(directory, { exchanges, markets: query.markets, asOf: diff });
  const lists = asOf === undefined ? listed(request, await sources(), listener) : asOfLists(request, asOf, listener);
  if (before === undefined || diff === undefined) return chooseSymbols(lists, query, listener);
  return symbolChanges(lists, { lists: before, before: diff }, query, listener);
}

function listed(
  request: SymbolRequest,
  sources: readonly SymbolSource[],
  listener: SymbolRunListener,
): AsyncIterable<SymbolList> {
  const { query, directory, diff, isReplay, intoStore } = request;
  const fallback = isReplay || diff !== undefined ? undefined : createLastGoodLists(directory, (text) => listener.notice(text));
  const lists = readLists(sources, { ...query, fallback }, listener);
  if (isReplay && !intoStore) return lists;
  const options: SaveOptions = { directory, required: intoStore, warn: (text) => listener.notice(text) };
  return saveLists(lists, options);
}

async function* asOfLists(
  { query, directory, exchanges, named }: SymbolRequest,
  asOf: number,
  listener: SymbolListener,
): AsyncGenerator<SymbolList> {
  const asked = { exchanges: named, markets: query.markets !== undefined };
  yield* await listsAsOf(directory, { exchanges, markets: query.markets, asOf }, asked, (missing) =>
    listener.incomplete(missing),
  );
}
