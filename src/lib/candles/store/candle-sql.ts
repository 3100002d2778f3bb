import { originOf } from '../../model/interval.js';
import { sqlText } from '../../storage/database/duckdb.js';
import { SWEEP_STEP, tableColumns } from '../../storage/database/record-table.js';
import type { CandleOptions } from '../options.js';

/** The SQL inputs of one interval's candles; differential tests hold the result equal to the aggregator. */
export type CandleQuery = Pick<CandleOptions, 'open' | 'empty' | 'source'> & {
  readonly interval: CandleOptions['intervals'][number];
  readonly input: 'trade' | 'candle';
  /** A relation of the input's columns, to be used after FROM; of candles, those of one interval and source. */
  readonly relation: string;
  /** An expression that orders the relation's trades, where one is known; otherwise the trades are compared. */
  readonly position?: string | undefined;
  /** A relation `(exchange, market, now)`: the clocks, microseconds. */
  readonly clocks: string;
  /** The only market of the relation and its clock: then nothing is grouped or looked up. */
  readonly only?: { readonly exchange: string; readonly market: string; readonly now: number } | undefined;
  /** A relation `(exchange, market, symbol, from_us, until_us, known)`: the unrepaired gaps. Absent when there are none. */
  readonly openGaps?: string | undefined;
  /** The state before: a relation `(exchange, market, symbol, close)`, and the span of the wanted candles. */
  readonly before?: { readonly carry: string; readonly since: number; readonly until: number } | undefined;
  /** A condition on exchange and market: amounts count the quote asset there. */
  readonly countsQuote?: string | undefined;
};

const SERIES = '"exchange", "market", "symbol"';

/**
 * Returns the SELECT whose rows are the candles of one market, in the columns and the order of stored files. Sorting takes
 * most of the time beside writing, so only the narrowest rows are sorted.
 */
export function orderedCandleSelect(query: CandleQuery & Required<Pick<CandleQuery, 'only'>>): string {
  if (query.openGaps !== undefined) return `SELECT * FROM (${candleSelect(query)}) ORDER BY "symbol", "timestamp"`;
  return candleSelect(query, '(SELECT * FROM opened ORDER BY "symbol", bucket)');
}

/** Returns the SELECT whose rows are the candles, in the columns of the candle table. Ties never depend on threads. */
export function candleSelect(query: CandleQuery, rows = 'opened'): string {
  const { interval, source, clocks, openGaps, only } = query;
  const steps = [`bucketed AS (${bucketed(query)})`, `clocks AS (SELECT * FROM ${clocks})`, ...opened(query)];
  if (openGaps !== undefined) steps.push(`gapped AS (${overlaps(interval.size, openGaps)})`);
  const known = openGaps === undefined ? '' : `LEFT JOIN gapped USING (${SERIES}, bucket)`;
  const clock = only ? '' : 'JOIN clocks USING ("exchange", "market")';
  const values: Record<string, string> = {
    type: "'candle'",
    timestamp: 'make_timestamptz(bucket)',
    local_timestamp: `make_timestamptz(${openGaps === undefined ? 'arrival' : 'greatest(arrival, known)'})`,
    interval: sqlText(interval.name),
    volume: rounded('volume'),
    turnover: rounded('turnover'),
    buy_volume: rounded('buy_volume'),
    source: sqlText(source),
    closed: `bucket + ${interval.size} <= ${only?.now ?? 'now'}`,
    complete: openGaps === undefined ? covered(query) : `${covered(query)} AND gapped.bucket IS NULL`,
  };
  const columns = tableColumns('candle').map(({ name }) => `${values[name] ?? `"${name}"`} AS "${name}"`);
  return `WITH ${steps.join(', ')} SELECT ${columns.join(', ')} FROM ${rows} ${clock} ${known}`;
}

/** Returns the beginning of the bucket of a time in microseconds, as `bucketStart` does. */
export function bucketExpression(size: number, time: string): string {
  const origin = originOf(size);
  return origin === 0 ? `(${time} // ${size} * ${size})` : `((${time} - ${origin}) // ${size} * ${size} + ${origin})`;
}

function bucketed({ input, source, relation, interval, position, countsQuote, only }: CandleQuery): string {
  const bucket = bucketExpression(interval.size, 'epoch_us("timestamp")');
  const parts = source === 'exchange' ? `${PART_VALUES}, ${COVERAGE}` : PART_VALUES;
  const values = input === 'trade' ? tradeValues(position ?? TRADE_ORDER, countsQuote) : parts;
  const sums = `epoch_us(max("local_timestamp")) AS arrival, ${values}`;
  if (!only) return `SELECT ${SERIES}, ${bucket} AS bucket, ${sums} FROM ${relation} GROUP BY ALL`;
  return `SELECT ${sqlText(only.exchange)} AS "exchange", ${sqlText(only.market)} AS "market", *
    FROM (SELECT "symbol", ${bucket} AS bucket, ${sums} FROM ${relation} GROUP BY ALL)`;
}

/** The sequence of a row; a missing one is below all others. */
export const SEQUENCE = 'coalesce("sequence", (-9223372036854775808)::BIGINT)';

/** The order of trades. A missing value sorts first; NULL in a row would sort last. */
export const TRADE_ORDER = `ROW("timestamp", ${SEQUENCE}, coalesce("local_timestamp", make_timestamptz(0)), ${SWEEP_STEP}, "id")`;

function tradeValues(position: string, countsQuote: string | undefined): string {
  const notional = '"price" * "amount"';
  const turnover = countsQuote === undefined ? notional : `CASE WHEN ${countsQuote} THEN "amount" / "price" ELSE ${notional} END`;
  return `arg_min("price", ${position}) AS "open", max("price") AS "high", min("price") AS "low", arg_max("price", ${position}) AS "close",
    fsum("amount") AS volume, fsum(${turnover}) AS turnover, CASE WHEN count("side") = count(*) THEN fsum(CASE WHEN "side" = 'buy' THEN "amount" ELSE 0 END) END AS buy_volume,
    count(*) AS "trades", true AS complete`;
}

/** A candle of a silent interval (`--empty`) has prices that nobody paid. */
const TRADED = '("trades" IS DISTINCT FROM 0 AND "open" + "high" + "low" + "close" IS NOT NULL)';

const PART_VALUES = `arg_min("open", "timestamp") FILTER (${TRADED}) AS "open", max("high") FILTER (${TRADED}) AS "high",
    min("low") FILTER (${TRADED}) AS "low", arg_max("close", "timestamp") FILTER (${TRADED}) AS "close",
    coalesce(fsum("volume") FILTER (${TRADED}), 0) AS volume,
    ${['turnover', 'buy_volume'].map((name) => `${wholly(name, 'fsum')} AS ${name}`).join(', ')},
    ${wholly('trades', 'sum')}::BIGINT AS "trades", bool_and(coalesce("complete", true)) AS complete`;

/** The length of the parts, and the end of the last one. */
const COVERAGE = 'sum(size_us)::BIGINT AS covered, max(epoch_us("timestamp") + size_us) AS reached';

/** Whether parts of the exchange leave nothing out: it publishes a candle for every interval. */
function covered({ input, source, interval: { size }, only }: CandleQuery): string {
  if (input === 'trade' || source === 'trades') return 'complete';
  const isOpen = `bucket + ${size} > ${only?.now ?? 'now'}`;
  return `complete AND (covered = ${size} OR (${isOpen} AND covered = reached - bucket))`;
}

/** A sum that is NULL unless every part has a value. */
function wholly(name: string, sum: string): string {
  return `CASE WHEN count(*) FILTER (${TRADED} AND "${name}" IS NULL) = 0 THEN coalesce(${sum}("${name}") FILTER (${TRADED}), 0) END`;
}

const NO_CARRY = "(SELECT '' AS exchange, '' AS market, '' AS symbol, NULL::DOUBLE AS close WHERE false)";

/** Steps that end in `opened`: the rules for opening prices and for silent intervals. */
function opened(query: CandleQuery): string[] {
  const { open, empty, before } = query;
  if (open === 'first-trade' && empty === 'skip') return ['opened AS (SELECT * FROM bucketed WHERE "close" IS NOT NULL)'];
  const carry = before?.carry ?? NO_CARRY;
  const rows = empty === 'skip' ? 'SELECT * FROM bucketed WHERE "close" IS NOT NULL' : filled(query);
  const previous = `coalesce(last_value("close" IGNORE NULLS) OVER
    (PARTITION BY ${SERIES} ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), carried)`;
  const silent = empty === 'flat' ? 'previous' : 'NULL';
  const start = open === 'previous-close' ? 'coalesce(previous, "open")' : '"open"';
  const price = (traded: string) => `CASE WHEN "close" IS NULL THEN ${silent} ELSE ${traded} END`;
  return [
    `carry AS (SELECT ${SERIES}, "close" AS carried FROM ${carry})`,
    `rows AS (${rows})`,
    `followed AS (SELECT rows.*, ${previous} AS previous FROM rows LEFT JOIN carry USING (${SERIES}))`,
    `opened AS (SELECT * REPLACE (${price(start)} AS "open", ${price(`greatest("high", ${start})`)} AS "high",
       ${price(`least("low", ${start})`)} AS "low", ${price('"close"')} AS "close") FROM followed)`,
  ];
}

/** Every interval of a symbol from its first to its last trade, and on to the last that the clock has passed. */
function filled({ interval: { size }, before, input, source }: CandleQuery): string {
  const passed = bucketExpression(size, 'now');
  const first = before ? `CASE WHEN any_value(carried) IS NULL THEN min(bucket) ELSE ${before.since} END` : 'min(bucket)';
  const end = before ? `least(any_value(${passed}), ${before.until})` : `any_value(${passed})`;
  return `SELECT ${SERIES}, bucket, arrival, "open", "high", "low", "close", coalesce(volume, 0) AS volume,
      CASE WHEN "close" IS NULL THEN 0 ELSE turnover END AS turnover, CASE WHEN "close" IS NULL THEN 0 ELSE buy_volume END AS buy_volume,
      CASE WHEN "close" IS NULL THEN 0 ELSE "trades" END AS "trades", coalesce(complete, true) AS complete
      ${input === 'candle' && source === 'exchange' ? ', coalesce(covered, 0) AS covered, coalesce(reached, bucket) AS reached' : ''}
    FROM (SELECT ${SERIES}, unnest(generate_series(first, last, ${size})) AS bucket
      FROM (SELECT ${SERIES}, ${first} AS first, greatest(max(bucket), ${end} - ${size}) AS last
        FROM (SELECT ${SERIES}, bucket FROM bucketed WHERE "close" IS NOT NULL UNION ALL
          SELECT ${SERIES}, NULL AS bucket FROM carry) JOIN clocks USING ("exchange", "market") LEFT JOIN carry USING (${SERIES})
        GROUP BY ${SERIES}))
    LEFT JOIN bucketed USING (${SERIES}, bucket)`;
}

/** The buckets that an unrepaired gap overlaps, and when the first such gap became known. */
function overlaps(size: number, openGaps: string): string {
  return `SELECT ${SERIES}, bucket, min(known) AS known FROM opened JOIN ${openGaps} AS openGaps USING (${SERIES})
    WHERE from_us < bucket + ${size} AND (until_us > bucket OR (until_us = from_us AND from_us >= bucket)) GROUP BY ALL`;
}

/** Rounds a sum as `roundSum` does. One comparison recognises most sums as decimals; logarithms serve the rest. */
function rounded(sum: string): string {
  const decimals = `least(14 - floor(log10(abs(${sum}))), 22)`;
  const near = (digits: string) => `round(${sum} * ${digits}) / ${digits}`;
  const isDecimal = (digits: string, most: string) => `${sum} < ${most} AND abs(${near(digits)} - ${sum}) <= ${sum} * 2e-16`;
  return `CASE WHEN ${sum} = 0 THEN 0 WHEN ${isDecimal('1e6', '1e8')} THEN ${near('1e6')} WHEN ${isDecimal('1e9', '1e5')} THEN ${near('1e9')}
    WHEN ${decimals} >= 0 THEN round(${sum} * pow(10, ${decimals})) / pow(10, ${decimals})
    ELSE round(${sum} / pow(10, -${decimals})) * pow(10, -${decimals}) END`;
}
