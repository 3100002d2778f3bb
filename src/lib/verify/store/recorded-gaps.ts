import type { Span } from '../../model/span.js';
import type { Partition } from '../../storage/files/partition.js';
import type { StoreInspection } from '../../storage/reading/store-inspection.js';
import { type OpenGap, openGaps, type RecordedGap } from '../open-gaps.js';
import { checkFiles } from './file-findings.js';

/** Exchange and market. */
type MarketOf = Pick<Partition, 'exchange' | 'market'>;

type SeriesGaps = { readonly gaps: RecordedGap[]; openGaps?: readonly OpenGap[] };

/** The gaps of a store, by exchange, market, channel and symbol. */
export class RecordedGaps {
  readonly #series = new Map<string, Map<string, SeriesGaps>>();

  add(exchange: string, market: string, channel: string, symbol: string, gap: RecordedGap): void {
    const key = `${exchange} ${market} ${channel}`;
    const symbols = this.#series.get(key) ?? new Map<string, SeriesGaps>();
    const own = symbols.get(symbol) ?? { gaps: [] };
    own.gaps.push(gap);
    symbols.set(symbol, own);
    this.#series.set(key, symbols);
  }

  /** Returns `exchange market channel` of every series that has a gap. */
  keys(): string[] {
    return [...this.#series.keys()];
  }

  /** Returns the symbols that have gaps in one of the channels. */
  symbols({ exchange, market }: MarketOf, channels: readonly string[]): string[] {
    return [...new Set(channels.flatMap((channel) => [...(this.#series.get(`${exchange} ${market} ${channel}`)?.keys() ?? [])]))];
  }

  /** Returns all gaps of a symbol in some channels, including repaired ones. */
  gaps({ exchange, market }: MarketOf, channels: readonly string[], symbol: string): Span[] {
    return channels.flatMap((channel) => this.#series.get(`${exchange} ${market} ${channel}`)?.get(symbol)?.gaps ?? []);
  }

  /** Returns the open gaps of a symbol in some channels. */
  openGaps({ exchange, market }: MarketOf, channels: readonly string[], symbol: string): OpenGap[] {
    return channels.flatMap((channel) => {
      const own = this.#series.get(`${exchange} ${market} ${channel}`)?.get(symbol);
      if (!own) return [];
      own.openGaps ??= openGaps(own.gaps);
      return own.openGaps;
    });
  }
}

/** Reads the gaps of a store; damaged files are skipped. */
export async function readGaps(inspection: StoreInspection): Promise<RecordedGaps> {
  const gaps = new RecordedGaps();
  for (const partition of await inspection.partitions(['gap'])) {
    const inspected = await inspection.partition(partition);
    const { readable } = await checkFiles(inspection, inspected);
    if (readable.length === 0 && !inspected.open) continue;
    const rows = await inspection.database.rows(
      `SELECT "exchange", "market", "channel", "symbol", epoch_us("from_timestamp") AS "from", epoch_us("until_timestamp") AS "until",
         "missing", "reason", epoch_us("local_timestamp") AS known
       FROM ${inspection.relation({ ...inspected, files: readable })}`,
    );
    for (const row of rows) {
      const [exchange = '', market = '', channel = '', symbol = ''] = [row.exchange, row.market, row.channel, row.symbol].map(
        String,
      );
      gaps.add(exchange, market, channel, symbol, {
        from: Number(row.from),
        until: Number(row.until),
        missing: row.missing === true,
        reason: String(row.reason),
        known: row.known === null ? undefined : Number(row.known),
      });
    }
  }
  return gaps;
}
