import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { outputFlags } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { createLiveSource } from '../../../lib/instruments/instruments.js';
import { createLastGoodLists } from '../../../lib/instruments/last-good-lists.js';
import { storedTerms } from '../../../lib/instruments/stored-terms.js';
import { fetchTradingTerms, type TermsQuery, type TradingTerms } from '../../../lib/instruments/trading-terms.js';
import { UnreachableError } from '../../../lib/model/errors.js';
import { WholeFile } from '../../../lib/sinks/whole-file.js';
import { type GridFlags, gridFlags, refuseUnused } from './flags.js';
import { buildTermsQuery } from './input.js';
import { buildGridReport } from './report.js';
import { gridSvg } from './svg.js';
import { renderGrid } from './table.js';

export default class GridPlan extends BaseCommand {
  static override summary = 'Plan a martingale grid and find its liquidation price.';
  static override description =
    `Computes every level of a grid in exact decimals: price, amount, average, take profit, margin, and the liquidation price after it has filled. Limits and maintenance tiers are those of the exchange, or flags for an offline plan.

Exit 4 if a level cannot be placed or is liquidated before it fills; the plan is printed anyway.`;
  static override examples = [
    {
      description: 'Plan offline',
      command: '<%= config.bin %> <%= command.id %> --price 0.5 --deposit 10 --tick-size 0.0001 --lot-size 0.1',
    },
    {
      description: "Find the highest safe leverage, with the exchange's limits, tiers and last price",
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --symbols CRVUSDT --deposit 500 --solve leverage',
    },
    {
      description: 'Show the position after three fills, draw the plan, and run it over historical candles',
      command:
        '<%= config.bin %> <%= command.id %> --price 0.5 --deposit 10 --filled 3 --svg grid.svg --stress candles.ndjson.gz',
    },
  ];

  static override flags = {
    ...gridFlags,
    svg: Flags.string({ summary: 'Also draw the plan into this SVG file.', helpValue: 'FILE', helpGroup: 'Output' }),
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { flags, raw } = await this.parse(GridPlan);
    refuseUnused(flags, new Set(raw.flatMap((token) => (token.type === 'flag' ? [token.flag] : []))));
    const query = buildTermsQuery(flags);
    const terms = query && (await this.#terms(query, flags));
    const report = await buildGridReport(flags, terms, Date.now() * 1000, (reason) => this.summary.incomplete(reason));
    const records = [...report.levels, report.summary];
    for (const warning of report.warnings) this.notice(warning);
    for (const reason of report.unsafe) this.summary.unsafe(reason);
    if (flags.svg !== undefined) await this.#draw(flags.svg, flags.force, gridSvg(records));
    // CSV and Markdown hold one record type: on stdout the levels, without the summary.
    const csv = ['csv', 'tsv', 'markdown'].includes(flags.format ?? '') && flags.output === undefined;
    return this.deliver(batch(csv ? report.levels : records), {
      flags,
      fallback: '-',
      endless: false,
      types: csv ? ['grid_level'] : ['grid_level', 'grid_plan'],
      render: renderGrid,
      data: true,
    });
  }

  /** Fetches the terms from the exchange; if it cannot be reached, uses those of the store. */
  async #terms(query: TermsQuery, { store }: GridFlags): Promise<TradingTerms> {
    const { createHttpClient } = await import('../../../lib/transport/http.js');
    const client = await createHttpClient({ userAgent: `mdtool/${this.config.version}`, signal: this.stopped });
    const now = () => Date.now() * 1000;
    const source = createLiveSource(query.exchange, client, (request) => this.restOrigin(query.exchange, request), now);
    const report = (text: string) => this.notice(text);
    try {
      return await fetchTradingTerms(query, source, { onFallback: report, lists: createLastGoodLists(store, report) });
    } catch (error) {
      const stored = error instanceof UnreachableError ? await storedTerms(query, store, now()) : undefined;
      if (!stored) throw error;
      this.notice((error as Error).message);
      return stored;
    } finally {
      await client.close();
    }
  }

  async #draw(path: string, force: boolean, drawing: string): Promise<void> {
    const file = new WholeFile(path, force);
    await file.write(drawing);
    await file.close();
    this.summary.note({ svg: path });
  }
}

async function* batch<Item>(records: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield records;
}
