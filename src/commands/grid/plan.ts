import { Flags } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { outputFlags } from '../../lib/cli/flags.js';
import { type GridFlags, gridFlags } from '../../lib/cli/grid-flags.js';
import { gridInputOf, notesOn, termsQueryOf } from '../../lib/cli/grid-input.js';
import { gridSvg } from '../../lib/cli/grid-svg.js';
import { renderGrid } from '../../lib/cli/grid-table.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { planGrid } from '../../lib/grid/plan.js';
import { filledDetail, levelRecords, planRecord, solutionDetail } from '../../lib/grid/records.js';
import { solvedPlan, solveGrid } from '../../lib/grid/solve.js';
import { liveSource } from '../../lib/ingest/instruments.js';
import { fetchTradingTerms, type TradingTerms } from '../../lib/ingest/trading-terms.js';
import { WholeFile } from '../../lib/sinks/whole-file.js';

export default class GridPlan extends BaseCommand {
  static override summary = 'Plan a martingale grid: every order, and where it is liquidated.';
  static override description =
    `Works out every level of a grid in exact decimals: price, amount, average, take profit, margin, and the price at which what has filled by then is liquidated. Limits and maintenance tiers come from the exchange, or offline from flags.

Exit 4 when a level cannot be placed or a liquidation comes before it; the plan is given all the same.`;
  static override examples = [
    {
      description: 'Offline: the ladder, level by level',
      command: '<%= config.bin %> <%= command.id %> --price 0.5 --deposit 10 --tick-size 0.0001 --lot-size 0.1',
    },
    {
      description: "With the exchange's limits, tiers and last price, looking for the leverage that survives",
      command:
        '<%= config.bin %> <%= command.id %> --exchange bybit --market linear --symbols CRVUSDT --deposit 500 --solve leverage',
    },
    {
      description: 'As if three levels had filled, with a drawing',
      command: '<%= config.bin %> <%= command.id %> --price 0.5 --deposit 10 --filled 3 --svg grid.svg',
    },
  ];

  static override flags = {
    ...gridFlags,
    svg: Flags.string({ summary: 'Also draw the plan into this file.', helpValue: 'FILE', helpGroup: 'OUTPUT' }),
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(GridPlan);
    const terms = await this.#terms(flags);
    const input = gridInputOf(flags, terms);
    const solution = flags.solve && solveGrid(input, flags.solve);
    const plan = solution ? solvedPlan(solution, input) : planGrid(input);
    const { exchange, market, symbol } = terms?.instrument ?? {};
    const identity = { exchange, market, symbol, timestamp: Date.now() * 1000 };
    const notes = notesOn(flags, terms);
    const summary = planRecord(plan, identity, {
      ...(notes.length > 0 && { notes }),
      ...(solution && { solve: solutionDetail(solution) }),
      ...(flags.filled !== undefined && { filled: filledDetail(plan, flags.filled) }),
    });
    const records = [...levelRecords(plan, identity), summary];
    for (const warning of [...notes, ...plan.warnings]) this.notice(warning);
    if (solution && !solution.limit) this.summary.unsafe(`no ${solution.parameter} survives; the plan is the one asked for`);
    if (plan.firstUnsafe?.explanation) this.summary.unsafe(plan.firstUnsafe.explanation);
    if (flags.svg !== undefined) await this.#draw(flags.svg, flags.force, gridSvg(records));
    // CSV holds one type: on stdout that is the ladder, and the summary is left to the other formats.
    const csv = flags.format === 'csv' && flags.output === undefined;
    return this.deliver(batch(csv ? records.filter(({ type }) => type === 'grid_level') : records), {
      flags,
      fallback: '-',
      endless: false,
      types: csv ? ['grid_level'] : ['grid_level', 'grid_plan'],
      render: renderGrid,
      data: true,
    });
  }

  async #terms(flags: GridFlags): Promise<TradingTerms | undefined> {
    const query = termsQueryOf(flags);
    if (!query) return undefined;
    const { createHttpClient } = await import('../../lib/transport/http.js');
    const client = await createHttpClient({ userAgent: `mdtool/${this.config.version}`, signal: this.stopped });
    try {
      return await fetchTradingTerms(
        query,
        liveSource(client, this.endpoints(query.exchange).rest, () => Date.now() * 1000),
      );
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
