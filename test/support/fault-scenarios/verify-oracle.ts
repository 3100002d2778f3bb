import type { TrueTrade } from '../exchange-server/index.js';
import { mdtool } from '../mdtool.js';
import type { Stage } from './stage.js';

/** A row of `mdtool verify`. */
type Coverage = {
  readonly symbol: string;
  readonly channel: string;
  readonly from_timestamp: number;
  readonly until_timestamp: number;
  readonly duplicates: number;
  readonly verdict: string;
  readonly detail?: string;
};

/** Trades of a symbol that are not stored. */
export type Lost = { readonly symbol: string; readonly trades: readonly TrueTrade[] };

/** Holds `mdtool verify` to what is missing: it names every hole, and nothing that is none. Returns what is wrong. */
export async function judgeVerify({ store }: Stage, lost: readonly Lost[], holes: number): Promise<string[]> {
  const { stdout, stderr, code } = await mdtool(['verify', '--store', store, '--format', 'ndjson']);
  const rows = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Coverage]));
  const problems: string[] = [];
  for (const { symbol, channel, verdict, duplicates, detail } of rows) {
    if (verdict === 'mismatch') problems.push(`verify: ${channel} of ${symbol}: ${detail}`);
    if (duplicates > 0) problems.push(`verify: ${duplicates} duplicates of ${channel} of ${symbol}`);
  }
  const found = rows.filter(({ verdict }) => verdict === 'hole');
  for (const { symbol, trades } of lost) {
    const own = found.filter((row) => row.symbol === symbol && row.channel === 'trade');
    const unnamed = trades.filter(
      ({ time }) => !own.some((row) => row.from_timestamp <= time * 1_000 && time * 1_000 <= row.until_timestamp),
    );
    if (unnamed.length > 0)
      problems.push(`verify names no hole for ${unnamed.length} missing trades of ${symbol}, the first at ${unnamed[0]?.time}`);
  }
  if (found.length > 0 !== holes > 0) problems.push(`verify finds ${found.length} holes, the store tells of ${holes}`);
  if (code !== (holes > 0 ? 3 : 0)) problems.push(`verify ends with ${code}, ${holes} holes: ${stderr.slice(0, 300)}`);
  return problems;
}
