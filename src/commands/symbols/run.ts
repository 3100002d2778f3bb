import { Flags } from '@oclif/core';
import type { SymbolRunListener } from '../../lib/cli/symbol-listener.js';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { type KeepOptions, keepLists, listsAsOf, requireKeepable, storedLists } from '../../lib/instruments/stored-symbols.js';
import { symbolChanges } from '../../lib/instruments/symbol-changes.js';
import {
  chooseSymbols,
  type FallbackLists,
  readLists,
  type SymbolList,
  type SymbolListener,
  type SymbolQuery,
  type SymbolSource,
} from '../../lib/instruments/symbol-list.js';
import type { Instrument } from '../../lib/model/records.js';
import { DAY, formatDuration, formatTime, HOUR, MINUTE, parseTime } from '../../lib/model/time.js';

/** `--as-of`, `--diff`: a time, of a day its end, so that a list of that day is among those before. */
export const dateFlag = (name: string, summary: string, exclusive: string[] = []) =>
  Flags.custom<number>({
    summary,
    exclusive,
    description: 'ISO 8601, epoch, or a duration ago (1d, 90m). A date means the end of that day (UTC).',
    helpValue: 'DATE',
    parse: async (text) => endOfDay(text, parseTime(text, Date.now() * 1000, name)),
  })();

function endOfDay(text: string, time: number): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(text.trim()) ? time + DAY - 1 : time;
}

/** What a run of `symbols` does. Times are microseconds. */
export type SymbolRequest = {
  readonly query: SymbolQuery;
  readonly directory: string;
  /** Exchanges that can be listed, and whether the user named them. */
  readonly exchanges: readonly Exchange[];
  readonly named: boolean;
  readonly asOf?: number | undefined;
  readonly diff?: number | undefined;
  readonly isReplay: boolean;
  /** `-o store` was given. */
  readonly intoStore: boolean;
};

/**
 * Returns the instruments that a run gives: the lists of the exchanges, of tapes (`sources`) or of the store, filtered, or
 * what differs from older lists. Lists of the exchanges are kept in the store where there is one. When an exchange does
 * not answer, its last lists in the store take their place with a notice, but not for `--diff`: an old list would say that
 * nothing has changed.
 */
export async function symbolRecords(
  request: SymbolRequest,
  sources: () => Promise<readonly SymbolSource[]>,
  listener: SymbolRunListener,
): Promise<AsyncIterable<readonly Instrument[]>> {
  const { query, directory, exchanges, asOf, diff, intoStore } = request;
  if (intoStore) requireKeepable({ notation: query.notation, asOf, diff });
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
  const fallback = isReplay || diff !== undefined ? undefined : lastGoodLists(directory, listener);
  const lists = readLists(sources, { ...query, fallback }, listener);
  if (isReplay && !intoStore) return lists;
  const options: KeepOptions = { directory, required: intoStore, warn: (text) => listener.notice(text) };
  return keepLists(lists, options);
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

/** The last good lists are a source of their own: a run that gives them is done, and says how old they are. */
function lastGoodLists(directory: string, listener: SymbolRunListener): FallbackLists {
  return async (exchange, markets, reason) => {
    const lists = await storedLists(directory, { exchanges: [exchange], markets }).catch((error: Error) => {
      listener.notice(`no older list can be read: ${error.message}`);
      return [];
    });
    for (const { market, timestamp } of lists) {
      const age = ageText(Date.now() * 1000 - timestamp);
      listener.notice(
        `${exchange.id} ${market}: ${reason}; this is the last good list of the store, of ${formatTime(timestamp)}, ${age} old`,
      );
    }
    return lists;
  };
}

/** In whole units, of which there are at least two where there is a greater one. */
function ageText(age: number): string {
  const unit = [DAY, HOUR].find((size) => age >= 2 * size) ?? MINUTE;
  return age < MINUTE ? 'less than 1m' : `${Math.floor(age / unit)}${formatDuration(unit).slice(1)}`;
}
