import * as Flags from '@oclif/core/flags';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import { UsageError } from '../../lib/model/errors.js';
import { refuseExisting, WholeFile } from '../../lib/sinks/whole-file.js';
import type { SymbolResult } from './run.js';

export const reportFlag = Flags.string({
  summary: 'Also write a self-contained HTML page; put {exchange}, {market} or {symbol} into the name for several symbols.',
  helpValue: 'FILE',
  helpGroup: 'Output',
});

/** HTML report of `--report`, one page per symbol. */
export class Report {
  readonly #path: string | undefined;
  readonly #force: boolean;

  /** Throws a `UsageError` if the file exists and may not be replaced. Checked before anything runs. */
  constructor(path: string | undefined, force: boolean) {
    this.#path = path;
    this.#force = force;
    if (path === undefined) return;
    if (!/\.html?$/.test(path)) throw new UsageError(`--report: expected FILE.html, was "${path}"`);
    refuseExisting(path, force);
  }

  /** Throws a `UsageError` if two pages would have the same name. Checked before anything runs. */
  requireNames(markets: readonly LoadedMarket[]): void {
    const path = this.#path;
    if (path === undefined) return;
    const names = markets.map((market) => nameOf(path, market));
    const second = names.findIndex((name, index) => names.indexOf(name) < index);
    if (second < 0) return;
    const [one, other] = [markets[names.indexOf(names[second] as string)], markets[second]] as [LoadedMarket, LoadedMarket];
    throw new UsageError(
      `--report: ${placeText(one)} and ${placeText(other)} would have the same name; put {exchange}, {market} or {symbol} into it, was "${path}"`,
    );
  }

  /** Writes one page per symbol and returns the file names. */
  async write(results: readonly SymbolResult[]): Promise<string[]> {
    const path = this.#path;
    if (path === undefined) return [];
    const written: string[] = [];
    for (const result of results) {
      if (result.study.finished.length > 0) written.push(await this.#writeOne(nameOf(path, result.market), result));
    }
    return written;
  }

  async #writeOne(name: string, result: SymbolResult): Promise<string> {
    const { reportPage } = await import('./report-page.js');
    const file = new WholeFile(name, this.#force);
    await file.write(reportPage(result));
    await file.close();
    return name;
  }
}

function nameOf(path: string, { data }: LoadedMarket): string {
  const { exchange, market, symbol } = data;
  return path.replaceAll('{exchange}', exchange).replaceAll('{market}', market).replaceAll('{symbol}', symbol);
}

function placeText({ data: { exchange, market, symbol } }: LoadedMarket): string {
  return `${exchange} ${market} ${symbol}`;
}
