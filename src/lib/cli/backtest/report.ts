import { Flags } from '@oclif/core';
import { UsageError } from '../../model/errors.js';
import { refuseExisting, WholeFile } from '../../sinks/whole-file.js';
import type { Finding } from './run.js';

export const reportFlag = Flags.string({
  summary: 'Also write an HTML page that opens without a network; {symbol} in the name where there are several.',
  helpValue: 'FILE.html',
  helpGroup: 'OUTPUT',
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

  /** Writes the pages and returns their names. */
  async write(findings: readonly Finding[]): Promise<string[]> {
    const path = this.#path;
    if (path === undefined) return [];
    if (findings.length > 1 && !path.includes('{symbol}'))
      throw new UsageError(`--report: expected {symbol} in the name for ${findings.length} symbols, was "${path}"`);
    const written: string[] = [];
    for (const finding of findings) written.push(...(await this.#writeOne(path, finding)));
    return written;
  }

  async #writeOne(path: string, { market, study: { finished } }: Finding): Promise<string[]> {
    if (finished.length === 0) return [];
    const { reportPage } = await import('./report-page.js');
    const last = finished.at(-1);
    // Of a walk forward the last stretch that was judged is drawn.
    const runs = finished.filter(({ run }) => run.fromTimestamp === last?.run.fromTimestamp);
    const name = path.replaceAll('{symbol}', market.data.symbol);
    const file = new WholeFile(name, this.#force);
    await file.write(reportPage({ market, runs }));
    await file.close();
    return [name];
  }
}
