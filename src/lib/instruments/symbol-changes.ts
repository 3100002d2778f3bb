import { FailureError } from '../model/errors.js';
import { fieldsOf, type RecordProperties } from '../model/ndjson.js';
import type { Instrument } from '../model/records.js';
import { formatTime } from '../model/time.js';
import { inNotation } from './notation.js';
import { SymbolChoice } from './symbol-choice.js';
import type { SymbolList, SymbolListener, SymbolQuery } from './symbol-list.js';

/** Fields about the reading of a list, not about its content. */
const NOT_COMPARED = new Set(['timestamp', 'local_timestamp', 'listed', 'change', 'changed']);
const COMPARED = fieldsOf('instrument').filter(({ name }) => !NOT_COMPARED.has(name));

/**
 * Compares lists with older lists of the time `before` (microseconds). Yields new, gone and changed instruments, a batch per
 * market, ordered by symbol: the current instrument, or the last one when it is gone, with `change`, and with `changed` when
 * values differ. An instrument is included when it passes the filters now or passed them then. A market without an older
 * list is reported. Throws a `FailureError` when there is no older list at all.
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
    if (!list.whole) listener.incomplete(`${name}: the list is incomplete, so delisted instruments cannot be detected`);
    const chosen = new Set([base, list].flatMap((one) => choice.of(one.exchange, one.instruments)).map(({ symbol }) => symbol));
    const found = changesOf(base.instruments, list).filter(({ symbol }) => chosen.has(symbol));
    changes += found.length;
    yield found.map((instrument) => inNotation(instrument, query.notation));
  }
  if (query.signal?.aborted) return listener.incomplete('stopped before all lists were read');
  if (seen === 0) return;
  if (compared === 0)
    throw new FailureError(`--diff: the store has no list at or before ${formatTime(older.before)} to compare with`);
  if (!listener.hasUnreachable) choice.check();
  if (changes === 0) listener.note(`no changes since ${formatTime(older.before)}`);
}

/** Returns the changes between two lists of one market, ordered by symbol. */
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

/** Returns `{"tick_size": [before, after]}`; null is a missing value. */
function differences(before: Instrument, after: Instrument): Record<string, readonly [unknown, unknown]> {
  const pairs = COMPARED.map(({ name, property }) => {
    const [old, now] = [before, after].map((instrument) => (instrument as unknown as RecordProperties)[property] ?? null);
    return [name, [old, now]] as const;
  });
  return Object.fromEntries(pairs.filter(([, [old, now]]) => old !== now));
}
