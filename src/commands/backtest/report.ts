import { Flags } from '@oclif/core';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import { UsageError } from '../../lib/model/errors.js';
import { refuseExisting, WholeFile } from '../../lib/sinks/whole-file.js';
import type { Finding } from './run.js';

export const reportFlag = Flags.string({
  summary:
    'Also write an HTML page that opens without a network; {exchange}, {market} and {symbol} in the name where there are several.',
  helpValue: 'FILE',
  helpGroup: 'Output',
});

/** The HTML report of `--report`, one page per symbol. */
export class Report {
  readonly #path: string | undefined;
  readonly #force: boolean;

  /** Throws a `UsageError` when the file exists and may not be replaced, before anything is run. */
  constructor(path: string | undefined, force: boolean) {
    this.#path = path;
    this.#force = force;
    if (path === undefined) return;
    if (!/\.html?$/.test(path)) throw new UsageError(`--report: expected FILE.html, was "${path}"`);
    refuseExisting(path, force);
  }

  /** Throws a `UsageError` when two pages would have one name, before anything is run. */
  requireNames(markets: readonly LoadedMarket[]): void {
    const path = this.#path;
    if (path === undefined) return;
    const names = markets.map((market) => nameOf(path, market));
    const second = names.findIndex((name, index) => names.indexOf(name) < index);
    if (second < 0) return;
    const [one, other] = [markets[names.indexOf(names[second] as string)], markets[second]] as [LoadedMarket, LoadedMarket];
    throw new UsageError(
      `--report: expected {exchange}, {market} or {symbol} in the name to tell ${placeText(one)} from ${placeText(other)}, was "${path}"`,
    );
  }

  /** Writes the pages, one per symbol, and returns their names. */
  async write(findings: readonly Finding[]): Promise<string[]> {
    const path = this.#path;
    if (path === undefined) return [];
    const written: string[] = [];
    for (const finding of findings) {
      if (finding.study.finished.length > 0) written.push(await this.#writeOne(nameOf(path, finding.market), finding));
    }
    return written;
  }

  async #writeOne(name: string, finding: Finding): Promise<string> {
    const { reportPage } = await import('./report-page.js');
    const file = new WholeFile(name, this.#force);
    await file.write(reportPage(finding));
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
