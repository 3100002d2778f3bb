import { FailureError } from '../model/errors.js';
import { fieldsOf, type RecordProperties } from '../model/ndjson.js';
import type { Instrument } from '../model/records.js';
import { formatTime } from '../model/time.js';
import { inNotation } from './notation.js';
import { SymbolChoice } from './symbol-choice.js';
import type { SymbolList, SymbolListener, SymbolQuery } from './symbol-list.js';

/** Fields that say when and how a list was read, not what the exchange lists. */
const NOT_COMPARED = new Set(['timestamp', 'local_timestamp', 'listed', 'change', 'changed']);
const COMPARED = fieldsOf('instrument').filter(({ name }) => !NOT_COMPARED.has(name));

/**
 * Yields what is new, gone or changed in lists against the lists as they were at `before` (microseconds), a batch per
 * market, in order of symbols: the instrument as it is now, one that is gone as it was last, with `change`, and with
 * `changed` where values differ. What passes the filters now or passed them then is given. Lists are compared market by
 * market; without an older one nothing can be said, which is told. Throws a `FailureError` when there is none at all.
 */
export async function* symbolChanges(
  lists: AsyncIterable<SymbolList>,
  older: { readonly lists: readonly SymbolList[]; readonly before: number },
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  const choice = new SymbolChoice(query);
  let seen = 0;
  let compared = 0;
  let changes = 0;
  for await (const list of lists) {
    seen += 1;
    const name = `${list.exchange.id} ${list.market}`;
    const base = older.lists.find(({ exchange, market }) => exchange.id === list.exchange.id && market === list.market);
    if (!base) {
      listener.incomplete(`${name}: the store has no list at or before ${formatTime(older.before)} to compare with`);
      continue;
    }
    compared += 1;
    if (!list.whole) listener.incomplete(`${name}: the list is not whole; what is gone cannot be told`);
    const chosen = new Set([base, list].flatMap((one) => choice.of(one.exchange, one.instruments)).map(({ symbol }) => symbol));
    const found = changesOf(base.instruments, list).filter(({ symbol }) => chosen.has(symbol));
    changes += found.length;
    yield found.map((instrument) => inNotation(instrument, query.notation));
  }
  if (query.signal?.aborted) return listener.incomplete('stopped before every list was read');
  if (seen === 0) return;
  if (compared === 0)
    throw new FailureError(
      `--diff: expected lists of the store at or before ${formatTime(older.before)} to compare with, found none`,
    );
  if (!listener.hasUnreachable) choice.check();
  if (changes === 0) listener.note(`nothing has changed since ${formatTime(older.before)}`);
}

/** Returns the differences of two lists of one market, by symbol. */
function changesOf(before: readonly Instrument[], { instruments, whole }: SymbolList): Instrument[] {
  const known = new Map(before.map((instrument) => [instrument.symbol, instrument]));
  const changes = instruments.flatMap((instrument): Instrument[] => {
    const previous = known.get(instrument.symbol);
    known.delete(instrument.symbol);
    if (!previous) return [{ ...instrument, change: 'new' }];
    const changed = differences(previous, instrument);
    return Object.keys(changed).length > 0 ? [{ ...instrument, change: 'changed', changed }] : [];
  });
  const gone = whole ? [...known.values()].map((instrument): Instrument => ({ ...instrument, change: 'gone' })) : [];
  return [...changes, ...gone].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

/** Returns `{"tick_size": [before, after]}`; null stands for a value that is missing. */
function differences(before: Instrument, after: Instrument): Record<string, readonly [unknown, unknown]> {
  const pairs = COMPARED.map(({ name, property }) => {
    const [old, now] = [before, after].map((instrument) => (instrument as unknown as RecordProperties)[property] ?? null);
    return [name, [old, now]] as const;
  });
  return Object.fromEntries(pairs.filter(([, [old, now]]) => old !== now));
}
