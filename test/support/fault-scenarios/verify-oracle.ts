import { setTimeout as sleep } from 'node:timers/promises';
import type { TrueTrade } from '../exchange-server/index.js';
import { type Finished, mdtool } from '../mdtool.js';
import type { Stage } from './stage.js';

/** Longer than a hole reaches beyond the end of a run, ms. */
const AFTERWARDS = 1_200;

/** A row of `mdtool verify`. */
type Coverage = {
  readonly symbol: string;
  readonly channel: string;
  readonly from_timestamp: number;
  readonly until_timestamp: number;
  readonly verdict: string;
  readonly detail?: string;
};

/** Trades of a symbol that are not stored. */
export type Lost = { readonly symbol: string; readonly trades: readonly TrueTrade[] };

/** Holds `mdtool verify` to what is missing: it names every hole, and nothing that is none. Returns what is wrong. */
export async function judgeVerify({ store }: Stage, lost: readonly Lost[], holes: number): Promise<string[]> {
  const { rows, stderr, code } = await verify(store);
  const problems = [...sound(rows), ...unnamed(rows, lost)];
  const found = rows.filter(({ verdict }) => verdict === 'hole');
  if (found.length > 0 !== holes > 0) problems.push(`verify finds ${found.length} holes, the store tells of ${holes}`);
  if (code !== (holes > 0 ? 3 : 0)) problems.push(`verify ends with ${code}, ${holes} holes: ${stderr.slice(0, 300)}`);
  return problems;
}

/**
 * Lets `backfill` fill what `verify` found. Where the exchange has all of its history, no trade is missing afterwards;
 * elsewhere verify still names what is. `missing` tells what the store lacks. Returns what is wrong.
 */
export async function judgeBackfill(
  { store, server, symbols, market }: Stage,
  missing: () => Promise<readonly Lost[]>,
): Promise<string[]> {
  const { stdout } = await verify(store);
  server.faults.clear();
  // The exchange goes on: a history that ends within a hole does not say that nothing comes.
  await sleep(AFTERWARDS);
  for (const symbol of symbols) server.trade(market, symbol);
  const { stderr, code } = await mdtool(['backfill', '-', '--store', store], { input: stdout, env: server.environment });
  const lost = await missing();
  const { rows } = await verify(store);
  const problems = [...sound(rows), ...unnamed(rows, lost)].map((problem) => `after backfill, ${problem}`);
  const trades = lost.reduce((sum, { trades }) => sum + trades.length, 0);
  if (server.id === 'bitget' && trades > 0)
    problems.push(`backfill leaves ${trades} trades out: exit code ${code}, ${stderr.slice(-300)}`);
  return problems;
}

async function verify(store: string): Promise<Finished & { readonly rows: readonly Coverage[] }> {
  const finished = await mdtool(['verify', '--store', store, '--format', 'ndjson']);
  return {
    ...finished,
    rows: finished.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Coverage])),
  };
}

/** A trade that lies in two files after a kill is read once; `verify` counts it, and it is no mistake. */
function sound(rows: readonly Coverage[]): string[] {
  return rows.flatMap(({ symbol, channel, verdict, detail }) =>
    verdict === 'mismatch' ? [`verify: ${channel} of ${symbol}: ${detail}`] : [],
  );
}

function unnamed(rows: readonly Coverage[], lost: readonly Lost[]): string[] {
  return lost.flatMap(({ symbol, trades }) => {
    const holes = rows.filter((row) => row.verdict === 'hole' && row.symbol === symbol && row.channel === 'trade');
    const rest = trades.filter(
      ({ time }) => !holes.some((row) => row.from_timestamp <= time * 1_000 && time * 1_000 <= row.until_timestamp),
    );
    return rest.length > 0
      ? [`verify names no hole for ${rest.length} missing trades of ${symbol}, the first at ${rest[0]?.time}`]
      : [];
  });
}
