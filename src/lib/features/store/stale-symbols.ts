import { join } from 'node:path';
import type { RecordType } from '../../model/records.js';
import type { MarketName } from '../../model/series.js';
import { DAY, floorToSecond, SECOND } from '../../model/time.js';
import { ofMarket } from '../../storage/database/conditions.js';
import { parquetFiles } from '../../storage/database/record-load.js';
import type { StoredFile } from '../../storage/log/store-state.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { removedUntil } from '../../storage/upkeep/retention.js';
import { BAR, BAR_INTERVAL, WARM_BARS } from '../bars.js';
import { type Progress, progressOf, unreadFiles } from './progress.js';
import { RAW, relationSince } from './store-sql.js';

/** What rows depend on: their own market's records. */
export const INPUT_TYPES: readonly RecordType[] = [...RAW, 'gap', 'candle'];

/** Rows of a symbol that fell silent go on after at most a day; what lies further back does not matter. */
const SILENCE = 2 * DAY;

type Question = {
  readonly snapshot: StoreSnapshot;
  readonly root: string;
  readonly market: MarketName;
  /** What was read before; all is new without it. */
  readonly known: Progress | undefined;
  readonly symbols: readonly string[] | undefined;
  /** Later records do not count. */
  readonly until?: number | undefined;
};

type SpanQuestion = Pick<Question, 'snapshot' | 'market'> & {
  readonly span: { readonly from: number; readonly until: number | undefined };
  /** The end of the last row of each symbol that has one, 0 where none is known. */
  readonly rows: ReadonlyMap<string, number>;
};

/** Rows of a symbol that are to be made. */
export type StaleSymbol = {
  /** The first time of what is new. */
  readonly first: number;
  /** The end of the last row that stays valid, 0 where none does. */
  readonly from: number;
};

/** Returns whether a store has records of a market that have not been read, or may not have been. */
export function hasNews(snapshot: StoreSnapshot, market: MarketName, known: Progress): boolean {
  const isOpen = INPUT_TYPES.some((type) => snapshot.open(type).some(({ partition }) => isOf(market, partition)));
  return isOpen || known.isPartial === true || unreadFiles(known, inputFiles({ snapshot, market })).length > 0;
}

/** Returns the stored files of a market that rows depend on. */
export function inputFiles({ snapshot, market }: Pick<Question, 'snapshot' | 'market'>): StoredFile[] {
  return INPUT_TYPES.flatMap((type) => filesOf(snapshot, market, type));
}

/** Returns the symbols that have new records: rows after the last valid one change by them or were unfinished. */
export async function staleSymbols(question: Question): Promise<Map<string, StaleSymbol>> {
  const { snapshot, market, known } = question;
  const first = await firstTimes(question);
  const final = finalUntil(snapshot, market);
  const rows = known === undefined && final === 0 ? new Map() : await lastRows(snapshot, market, known, final);
  return staleOf(first, (symbol, time) => {
    const last = rows.get(symbol);
    const kept = known === undefined ? 0 : lastKept(time, last);
    return Math.max(kept, Math.min(final, last ?? 0));
  });
}

/** As `staleSymbols`, of symbols whose rows this run has made up to `span.from`: new are the records of the span. */
export async function staleInSpan({ snapshot, market, span, rows }: SpanQuestion): Promise<Map<string, StaleSymbol>> {
  const known = progressOf(span.from, inputFiles({ snapshot, market }));
  const question = { snapshot, root: '', market, known, symbols: [...rows.keys()], until: span.until };
  const final = finalUntil(snapshot, market);
  return staleOf(await firstTimes(question), (symbol, time) => {
    const last = rows.get(symbol);
    return Math.max(lastKept(time, last), Math.min(final, last ?? 0));
  });
}

/** Returns the earliest time of each symbol from which unread records have an effect. */
async function firstTimes(question: Question): Promise<Map<string, number>> {
  const first = new Map<string, number>();
  for (const type of INPUT_TYPES) {
    for (const { symbol, first_us } of await newTimes(question, type))
      first.set(`${symbol}`, Math.min(first.get(`${symbol}`) ?? Number.POSITIVE_INFINITY, Number(first_us)));
  }
  return first;
}

function staleOf(first: ReadonlyMap<string, number>, keptOf: (symbol: string, time: number) => number): Map<string, StaleSymbol> {
  return new Map([...first].map(([symbol, time]) => [symbol, { first: time, from: keptOf(symbol, time) }]));
}

/** Returns the end of the last row of each symbol. */
async function lastRows(snapshot: StoreSnapshot, market: MarketName, known: Progress | undefined, final: number) {
  const since = known === undefined ? 0 : Math.min(known.until - SILENCE, final || Number.POSITIVE_INFINITY);
  const rows = await snapshot.database.rows(
    `SELECT symbol, epoch_us(max("timestamp")) AS last_us FROM ${relationSince(snapshot, 'features', since)}
     WHERE ${ofMarket(market)} GROUP BY ALL`,
  );
  return new Map(rows.map(({ symbol, last_us }) => [`${symbol}`, Number(last_us)]));
}

/**
 * Returns the time up to which stored rows of a market stay as they are, 0 where any may be made again. Retention has deleted
 * what they were made of: made again, they would be made of a part of it. A row that goes on from deleted rows or candles
 * needs as many bars of them as ATR does.
 */
function finalUntil({ state: { metadata } }: StoreSnapshot, market: MarketName): number {
  const removed = (types: readonly RecordType[]) => Math.max(...types.map((type) => removedUntil(metadata, { type, ...market })));
  const past = removed(['micro', 'features', 'candle', 'gap']);
  return Math.max(removed(RAW), past === 0 ? 0 : past + WARM_BARS * BAR);
}

function lastKept(time: number, lastRow = Number.POSITIVE_INFINITY): number {
  return Math.max(0, Math.min(floorToSecond(time), lastRow));
}

/** Earliest time, by symbol, from which unread records of a type have an effect. */
async function newTimes(question: Question, type: RecordType) {
  const { snapshot, root, market, known, symbols, until } = question;
  const fresh = unreadFiles(known, filesOf(snapshot, market, type));
  const paths = known === undefined ? [] : fresh.map(({ path }) => join(root, path));
  const open = snapshot.open(type).filter(({ partition }) => isOf(market, partition));
  const since = known === undefined ? 0 : Math.min(known.until, ...open.map(({ min }) => min));
  const end = until === undefined ? '' : ` AND "timestamp" < make_timestamptz(${until})`;
  const tail = `SELECT * FROM ${relationSince(snapshot, type, since, until)} WHERE "timestamp" >= make_timestamptz(${since})${end}`;
  const sources = [tail, ...(paths.length > 0 ? [`SELECT * FROM ${parquetFiles(paths)}`] : [])].map((source) => {
    return `SELECT ${columnsOf(type)} FROM (${source}) WHERE ${ofMarket(market, symbols)}${conditionOf(type)}`;
  });
  const records = `(${sources.join(' UNION ALL ')})`;
  return await snapshot.database.rows(
    `SELECT symbol, min(effect) AS first_us FROM ${type === 'candle' ? withoutOwn(snapshot, market, records, since) : records} GROUP BY ALL`,
  );
}

/** A gap reaches back before its own time, a candle counts from its end on. */
function columnsOf(type: RecordType): string {
  const time = type === 'gap' ? '"from_timestamp"' : '"timestamp"';
  return `symbol, epoch_us(${time})${type === 'candle' ? ` + ${BAR}` : ''} AS effect`;
}

function conditionOf(type: RecordType): string {
  return type === 'candle' ? ` AND "interval" = '${BAR_INTERVAL}' AND closed` : '';
}

/** A candle whose rows all exist changes nothing: the rows take precedence. */
function withoutOwn(snapshot: StoreSnapshot, market: MarketName, candles: string, since: number): string {
  const rows = `SELECT symbol, (epoch_us("timestamp") - 1) // ${BAR} * ${BAR} + ${BAR} AS "end", count(*) FILTER (complete) AS seconds
    FROM ${relationSince(snapshot, 'micro', since === 0 ? 0 : since - SILENCE)} WHERE ${ofMarket(market)} GROUP BY ALL`;
  return `(SELECT c.* FROM ${candles} c LEFT JOIN (${rows}) r ON r.symbol = c.symbol AND r."end" = c.effect
    WHERE r.seconds IS DISTINCT FROM ${BAR / SECOND})`;
}

function filesOf({ state }: StoreSnapshot, market: MarketName, type: RecordType): StoredFile[] {
  return [...state.partitions(new Set([type]))]
    .filter(({ partition }) => isOf(market, partition) && (type !== 'candle' || partition.interval === BAR_INTERVAL))
    .flatMap(({ files }) => files);
}

function isOf(name: MarketName, partition: { readonly exchange: string | null; readonly market: string | null }): boolean {
  return partition.exchange === name.exchange && partition.market === name.market;
}
