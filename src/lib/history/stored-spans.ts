import { buildGap } from '../model/gap.js';
import type { Gap, RecordType } from '../model/records.js';
import { type Span, united, within, without } from '../model/span.js';
import { HOUR, MINUTE } from '../model/time.js';
import { type Database, sqlText } from '../storage/database/duckdb.js';
import { findStore } from '../storage/files/store-directory.js';
import { goneWriters } from '../storage/journal/writer-registry.js';
import { openStoreContext } from '../storage/log/store-context.js';
import type { Claim } from '../storage/log/store-state.js';
import { openSnapshot } from '../storage/reading/store-snapshot.js';
import { fetchedSpans } from './fetched-spans.js';
import { barSize, CHANNEL_OF, channelsOf, type Topic, topicName } from './topic.js';

/** A market without records for this long was not captured, with or without a recorded gap. */
const IDLE = 5 * MINUTE;

/** Maximum distance of stored trades next to a gap of lost trades: farther ones cannot prove an overlap. */
const NEAR = 6 * HOUR;

/** The last trade before and the first one after a gap, microseconds; undefined where there is none near. */
export type Ends = { readonly before: number | undefined; readonly after: number | undefined };

export const NO_ENDS: Ends = { before: undefined, after: undefined };

/** The stored spans of some topics. */
export type StoredSpans = {
  /** Returns the spans that are complete as far as the store knows. */
  known(topic: Topic): readonly Span[];
  /** Returns the captured spans without gaps; they begin and end with a record. */
  captured(topic: Topic): readonly Span[];
  /** Returns the unrepaired gaps of a topic's channel. */
  gaps(topic: Topic): readonly Gap[];
  /** Returns the stored trades next to an unrepaired gap of lost trades. */
  ends(gap: Gap): Ends;
  /** Returns the time of a topic's first record, undefined without records. */
  first(topic: Topic): number | undefined;
  /** Returns whether a running process is capturing a topic's channel into this store. */
  isCaptured(topic: Topic): boolean;
};

export const NOTHING_STORED: StoredSpans = {
  known: () => [],
  captured: () => [],
  gaps: () => [],
  ends: () => NO_ENDS,
  first: () => undefined,
  isCaptured: () => false,
};

/**
 * Returns the stored spans of `topics`. Complete are: spans that earlier runs fetched; spans from the first captured record
 * to the last one, without recorded gaps and without times when the market was not captured; and every closed bar.
 */
export async function readStoredSpans(directory: string, topics: readonly Topic[]): Promise<StoredSpans> {
  const types = [...new Set(topics.map(({ type }) => type))];
  const snapshot = await openSnapshot(directory, {
    types: [...types, 'gap'],
    exchanges: [...new Set(topics.map(({ exchange }) => exchange.id))],
    markets: [...new Set(topics.map(({ market }) => market))],
    symbols: [...new Set(topics.map(({ symbol }) => symbol))],
    sources: ['exchange'],
  });
  const relations: Relations = { database: snapshot.database, relation: (type) => snapshot.relation(type) };
  try {
    const gaps = await unrepairedGaps(relations);
    const captured = new Map<string, Captured>();
    for (const type of types) {
      const spans = type === 'candle' ? await barSpans(relations, topics) : await capturedSpans(relations, type);
      for (const [key, value] of spans) captured.set(key, value);
    }
    const claims = await activeClaims(directory);
    const ends = types.includes('trade') ? await endsOf(relations, [...gaps.values()].flat()) : new Map<Gap, Ends>();
    return {
      ...storedSpans(snapshot.state.metadata, gaps, captured),
      ends: (gap) => ends.get(gap) ?? NO_ENDS,
      isCaptured: (topic) => claims.some((claim) => isOf(claim, topic)),
    };
  } finally {
    await snapshot.close();
  }
}

type Relations = { readonly database: Database; relation(type: RecordType): string };
type Captured = { readonly spans: readonly Span[]; readonly first: number };

function storedSpans(
  metadata: ReadonlyMap<string, string>,
  gaps: ReadonlyMap<string, readonly Gap[]>,
  captured: ReadonlyMap<string, Captured>,
): Omit<StoredSpans, 'isCaptured' | 'ends'> {
  const gapsOf = (topic: Topic) => [...channelsOf(topic)].flatMap((channel) => gaps.get(channelKey(topic, channel)) ?? []);
  const capturedOf = (topic: Topic) => {
    const spans = captured.get(topicName(topic))?.spans ?? [];
    // Data that was lost while a bar was formed does not matter: the exchange sends the whole bar.
    if (topic.type === 'candle') return spans;
    // Tickers have the next rate; only history has the rate that was paid.
    if (topic.type === 'funding') return [];
    return without(
      spans,
      gapsOf(topic).map(({ fromTimestamp: from, untilTimestamp: until }) => ({ from, until: Math.max(until, from + 1) })),
    );
  };
  return {
    gaps: gapsOf,
    first: (topic) => captured.get(topicName(topic))?.first,
    captured: capturedOf,
    known: (topic) => united([...capturedOf(topic), ...fetchedSpans(metadata, topic)]),
  };
}

function channelKey({ exchange, market, symbol }: { exchange: { id: string }; market: string; symbol: string }, channel: string) {
  return [exchange.id, market, symbol, channel].join(' ');
}

/** Returns the claims of the running writers of a store. */
async function activeClaims(directory: string): Promise<Claim[]> {
  const paths = await findStore(directory);
  if (!paths) return [];
  const context = openStoreContext(paths);
  const gone = await goneWriters(context);
  const { writers } = await context.log.read();
  return [...writers].flatMap(([writer, { claims }]) => (gone.has(writer) ? [] : claims));
}

function isOf({ exchange, market, channel, symbols }: Claim, topic: Topic): boolean {
  const isChannel = exchange === topic.exchange.id && market === topic.market && channel === CHANNEL_OF[topic.type];
  return isChannel && (symbols === 'all' || symbols.includes(topic.symbol));
}

/** Returns the gaps that no later record repaired, by channel. */
async function unrepairedGaps({ database, relation }: Relations): Promise<Map<string, Gap[]>> {
  const rows = await database.rows(
    `SELECT "exchange", "market", "symbol", "channel", "reason", "missing",
       epoch_us("from_timestamp") AS "from", epoch_us("until_timestamp") AS "until"
     FROM ${relation('gap')} ORDER BY "timestamp", "local_timestamp" NULLS FIRST`,
  );
  const gaps = new Map<string, Gap[]>();
  for (const row of rows) {
    const gap = gapOf(row);
    const key = [gap.exchange, gap.market, gap.symbol, gap.channel].join(' ');
    const before = gaps.get(key) ?? [];
    const isCovered = (known: Gap) => known.fromTimestamp >= gap.fromTimestamp && known.untilTimestamp <= gap.untilTimestamp;
    gaps.set(key, gap.missing ? [...before, gap] : before.filter((known) => !isCovered(known)));
  }
  return gaps;
}

/** Returns the stored trades next to gaps of lost files: the log has the first and last record of a lost file only. */
async function endsOf({ database, relation }: Relations, gaps: readonly Gap[]): Promise<Map<Gap, Ends>> {
  const ends = new Map<Gap, Ends>();
  for (const gap of gaps.filter(({ reason, channel }) => reason === 'lost' && channel === CHANNEL_OF.trade)) {
    const { exchange, market, symbol, fromTimestamp: from, untilTimestamp: until } = gap;
    const [row] = await database.rows(
      `SELECT epoch_us(max("timestamp") FILTER ("timestamp" <= make_timestamptz(${from}))) AS before,
         epoch_us(min("timestamp") FILTER ("timestamp" >= make_timestamptz(${until}))) AS after
       FROM ${relation('trade')} WHERE "exchange" = ${sqlText(exchange)} AND "market" = ${sqlText(market)} AND "symbol" = ${sqlText(symbol)}
         AND "timestamp" BETWEEN make_timestamptz(${from - NEAR}) AND make_timestamptz(${until + NEAR})`,
    );
    const [before, after] = [row?.before, row?.after].map((time) =>
      time === null || time === undefined ? undefined : Number(time),
    );
    ends.set(gap, { before, after });
  }
  return ends;
}

function gapOf(row: Record<string, unknown>): Gap {
  const market = row.market as Gap['market'];
  const series = { exchange: String(row.exchange), market, symbol: String(row.symbol), channel: String(row.channel) };
  const reason = row.reason as Gap['reason'];
  return buildGap(series, { from: Number(row.from), until: Number(row.until), reason, missing: row.missing === true });
}

/** Returns the captured spans of each symbol: from its first to its last record, while its market was captured. */
async function capturedSpans({ database, relation }: Relations, type: RecordType): Promise<Map<string, Captured>> {
  const captured = `(SELECT "exchange", "market", "symbol", epoch_us("timestamp") AS moment
    FROM ${relation(type)} WHERE "local_timestamp" IS NOT NULL)`;
  const runs = await database.rows(
    `SELECT "exchange", "market", min(first) AS "from", max(last) AS "until" FROM (
       SELECT *, sum(isNew) OVER (PARTITION BY "exchange", "market" ORDER BY minute) AS run FROM (
         SELECT *, CASE WHEN first - lag(last) OVER (PARTITION BY "exchange", "market" ORDER BY minute) <= ${IDLE} THEN 0 ELSE 1 END AS isNew
         FROM (SELECT "exchange", "market", moment // ${MINUTE} AS minute, min(moment) AS first, max(moment) AS last FROM ${captured} GROUP BY ALL)))
     GROUP BY "exchange", "market", run`,
  );
  const symbols = await database.rows(
    `SELECT "exchange", "market", "symbol", min(moment) AS "from", max(moment) AS "until" FROM ${captured} GROUP BY ALL`,
  );
  return new Map(
    symbols.map((row) => {
      const ofMarket = runs.filter(({ exchange, market }) => exchange === row.exchange && market === row.market).map(spanOf);
      const spans = within([spanOf(row)], ofMarket);
      return [`${row.exchange} ${row.market} ${row.symbol} ${type}`, { spans, first: Number(row.from) }];
    }),
  );
}

/** Returns the spans of adjacent closed bars of the exchange. */
async function barSpans({ database, relation }: Relations, topics: readonly Topic[]): Promise<Map<string, Captured>> {
  const captured = new Map<string, { spans: Span[]; first: number }>();
  const sizes = new Map(topics.flatMap((topic) => (topic.type === 'candle' ? [[topic.interval, barSize(topic)] as const] : [])));
  for (const [interval = '', size = 0] of sizes) {
    const rows = await database.rows(
      `SELECT "exchange", "market", "symbol", min(moment) AS "from", max(moment) + ${size} AS "until" FROM (
         SELECT *, moment - ${size} * row_number() OVER (PARTITION BY "exchange", "market", "symbol" ORDER BY moment) AS run
         FROM (SELECT "exchange", "market", "symbol", epoch_us("timestamp") AS moment FROM ${relation('candle')}
               WHERE "source" = 'exchange' AND "interval" = ${sqlText(interval)} AND "closed"))
       GROUP BY "exchange", "market", "symbol", run ORDER BY "from"`,
    );
    for (const row of rows) {
      const key = `${row.exchange} ${row.market} ${row.symbol} candle ${interval}`;
      const value = captured.get(key) ?? { spans: [], first: Number(row.from) };
      value.spans.push(spanOf(row));
      captured.set(key, value);
    }
  }
  return captured;
}

function spanOf(row: Record<string, unknown>): Span {
  return { from: Number(row.from), until: Number(row.until) };
}
