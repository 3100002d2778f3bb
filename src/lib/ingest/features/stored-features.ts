import { FeatureEngine } from '../../features/engine.js';
import type { EngineOptions } from '../../features/options.js';
import { FEATURES, windowOf } from '../../features/registry.js';
import type { AnyRecord, Market, RecordType } from '../../model/records.js';
import { HOUR, MINUTE, SECOND } from '../../model/time.js';
import { readStore } from '../../storage/store-reader.js';
import type { StoreSelection } from '../../storage/store-selection.js';
import { openSnapshot } from '../../storage/store-snapshot.js';
import { within } from './chosen.js';
import { type FeatureStep, throughEngine } from './feature-step.js';

/** Which records of a store are looked at; times are microseconds, `until` is exclusive. */
export type FeatureSelection = Pick<StoreSelection, 'exchanges' | 'markets' | 'symbols' | 'since' | 'until'>;

const RAW: readonly RecordType[] = ['book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding', 'trade'];
/** Of these a symbol's rows begin and end; the others come by the way. */
const LEADING: readonly RecordType[] = ['trade', 'book_snapshot', 'ticker', 'mark_price'];
/** Quotes count for two minutes at most. */
const CARRIED = 130 * SECOND;
/** What came so late is still taken into rows that are there. */
const REDONE = MINUTE;

/**
 * Returns the rows of a store's records from `since` (a row's time; all without it) on, each with whole windows: what
 * went before is read for as long as the longest feature looks back.
 */
export function featuresOfStore(directory: string, selection: FeatureSelection, options: EngineOptions): FeatureStep {
  const engine = new FeatureEngine({ ...options, batch: true });
  const { since } = selection;
  const lookBack = since === undefined ? undefined : since - reach(options);
  const input = readStore(directory, { ...selection, since: lookBack, types: ['gap', 'candle', ...RAW] });
  return { records: within(throughEngine(withoutDerived(input), engine), selection), counts: engine.counts };
}

/**
 * Returns the rows that a store lacks: of every symbol those after its last one, and its last minute again. Windows are
 * filled from the `micro` rows of the store, so that a run costs what is new.
 */
export async function* newFeaturesOfStore(
  directory: string,
  selection: FeatureSelection,
  options: EngineOptions,
  onCounts: (counts: FeatureStep['counts']) => void,
): AsyncGenerator<AnyRecord[]> {
  for (const group of await groups(directory, selection)) {
    const engine = new FeatureEngine({ ...options, batch: true });
    const symbols = { exchanges: [group.exchange], markets: [group.market], symbols: [...group.last.keys()] };
    const input = resumed(directory, { ...selection, ...symbols }, group, reach(options));
    for await (const records of within(throughEngine(input, engine), selection)) {
      const fresh = records.filter((record) => isNew(record, group.last));
      if (fresh.length > 0) yield fresh;
    }
    onCounts(engine.counts);
  }
}

/** Symbols of one market that continue at about the same time; `last` is the end of their last row that stays. */
type Group = { readonly exchange: string; readonly market: Market; readonly from: number; readonly last: Map<string, number> };

async function groups(directory: string, selection: FeatureSelection): Promise<Group[]> {
  const types: RecordType[] = [...LEADING, 'features'];
  const snapshot = await openSnapshot(directory, { ...selection, types });
  try {
    const rows = await snapshot.database.rows(
      `WITH raw AS (${LEADING.map((type) => lastOf(snapshot.relation(type))).join(' UNION ALL ')}),
         inputs AS (SELECT exchange, market, symbol, max(last) AS last FROM raw GROUP BY ALL),
         ends AS (SELECT exchange, market, max(last) AS "end" FROM inputs GROUP BY ALL),
         done AS (${lastOf(snapshot.relation('features'))})
       SELECT i.exchange, i.market, i.symbol, done.last AS done FROM inputs i
         JOIN ends ON ends.exchange = i.exchange AND ends.market = i.market
         LEFT JOIN done ON done.exchange = i.exchange AND done.market = i.market AND done.symbol = i.symbol
       -- A symbol that fell silent before its market did is done.
       WHERE done.last IS NULL OR i.last >= done.last OR i.last >= ends."end" - ${REDONE} ORDER BY ALL`,
    );
    return grouped(rows);
  } finally {
    await snapshot.close();
  }
}

function lastOf(relation: string): string {
  return `SELECT exchange, market, symbol, epoch_us(max("timestamp"))::DOUBLE AS last FROM ${relation} GROUP BY ALL`;
}

function grouped(rows: readonly Record<string, unknown>[]): Group[] {
  const found = new Map<string, Group>();
  for (const { exchange, market, symbol, done } of rows) {
    const last = done === null ? 0 : Number(done) - REDONE;
    const hour = Math.floor(last / HOUR);
    const key = `${exchange} ${market} ${hour}`;
    const group = found.get(key) ?? { exchange: `${exchange}`, market: market as Market, from: hour * HOUR, last: new Map() };
    found.set(key, group);
    group.last.set(`${symbol}`, last);
  }
  return [...found.values()];
}

async function* resumed(
  directory: string,
  selection: FeatureSelection,
  { from, last }: Group,
  lookBack: number,
): AsyncGenerator<AnyRecord[]> {
  const until = Math.max(...last.values());
  if (until > 0) {
    const before = readStore(directory, {
      ...selection,
      since: from - lookBack,
      until: until + 1,
      types: ['gap', 'candle', 'micro'],
    });
    for await (const records of withoutDerived(before)) yield records.filter((record) => isKept(record, last));
  }
  // Gaps and candles that were given with the rows are not given again.
  const raw = readStore(directory, {
    ...selection,
    since: from === 0 ? undefined : from - CARRIED,
    types: ['gap', 'candle', ...RAW],
  });
  for await (const records of withoutDerived(raw)) {
    yield records.filter(({ type, timestamp }) => timestamp > until || (type !== 'gap' && type !== 'candle'));
  }
}

/** Rows of the last minute are made anew. */
function isKept(record: AnyRecord, last: ReadonlyMap<string, number>): boolean {
  return record.type !== 'micro' || record.timestamp <= (last.get(record.symbol) ?? 0);
}

function isNew(record: AnyRecord, last: ReadonlyMap<string, number>): boolean {
  return (record.type === 'micro' || record.type === 'features') && record.timestamp > (last.get(record.symbol) ?? 0);
}

/** Of the candles only those of the ATR's interval are of use, and closed ones. */
async function* withoutDerived(input: AsyncIterable<readonly AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
  for await (const records of input) {
    yield records.filter((record) => record.type !== 'candle' || (record.interval === '15m' && record.closed));
  }
}

/** Microseconds that the longest feature looks back, and the quotes before. */
function reach({ windows }: EngineOptions): number {
  const rows = FEATURES.map((feature) => feature.warmUp(windowOf(feature, windows)));
  return Math.max(...rows) * SECOND + CARRIED;
}
