import { amountUnit, nativeSymbols } from '../../lib/cli/record-selection.js';
import type { Summary } from '../../lib/cli/summary.js';
import type { Exchange, HttpRequest } from '../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { RestClient } from '../../lib/history/rest-client.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord, Coverage, Market, RecordType } from '../../lib/model/records.js';
import { createHttpClient } from '../../lib/transport/http.js';
import type { Against, VerifyListener } from '../../lib/verify/store/verify-store.js';

/** So many damaged files are told one by one on stderr; the rows name all of them. */
const TOLD_FILES = 20;

/** What of the flags bears on how a run ends. */
type VerifyConclusion = {
  readonly strict: boolean;
  readonly against?: string | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
};

/** Counts what verifying found, for the summary and the exit code. */
export class VerifyTally implements VerifyListener {
  readonly #verdicts: Record<Coverage['verdict'], number> = { whole: 0, suspect: 0, mismatch: 0, hole: 0 };
  readonly #symbols = new Set<string>();
  readonly #tell: (text: string) => void;
  #files = 0;
  #compared = 0;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  file({ finding }: Parameters<VerifyListener['file']>[0]): void {
    this.#files += 1;
    if (this.#files <= TOLD_FILES) this.#tell(finding.detail);
    else if (this.#files === TOLD_FILES + 1) this.#tell('… more files are damaged; the rows name them');
  }

  async *counted(rows: AsyncIterable<Coverage[]>): AsyncGenerator<AnyRecord[]> {
    for await (const batch of rows) {
      for (const { verdict, symbol, compared = 0 } of batch) {
        this.#symbols.add(symbol);
        this.#verdicts[verdict] += 1;
        this.#compared += compared;
      }
      yield batch;
    }
  }

  /**
   * Something that is missing or contradicts itself ends the run with 3, what is suspicious only with `strict`. A symbol
   * that was asked for by name and of which nothing is stored is missing altogether.
   */
  conclude(summary: Summary, flags: VerifyConclusion): void {
    const { strict, against, symbols = [], exchange = EXCHANGES, market } = flags;
    const { whole, suspect, mismatch, hole } = this.#verdicts;
    if (against && this.#compared === 0)
      this.#tell('no candle was compared: none that the exchange has closed lies wholly within the stored trades');
    summary.note({ whole, suspect, mismatch, hole, damaged_files: this.#files, compared: this.#compared });
    const bad = [counted(hole, 'hole'), counted(mismatch, 'mismatch'), strict ? counted(suspect, 'suspicious row') : ''];
    const unseen = symbols.filter((name) => !nativeSymbols([name], exchange, market).some((symbol) => this.#symbols.has(symbol)));
    if (unseen.length > 0) summary.incomplete(`nothing is stored of ${unseen.join(', ')} in what was asked for`);
    const reasons = bad.filter((text) => text !== '');
    if (reasons.length > 0) summary.incomplete(`verify found ${reasons.join(', ')}`);
  }
}

function counted(count: number, what: string): string {
  if (count === 0) return '';
  return `${count} ${count === 1 ? what : `${what}${what.endsWith('h') ? 'es' : 's'}`}`;
}

/** Throws a `UsageError` for outputs into the store that is verified: it is only read. */
export function requireReadOnly(outputs: readonly string[] | undefined): void {
  if (outputs?.includes('store'))
    throw new UsageError('-o store: verify only reads the store; expected -o - or a file such as -o coverage.csv');
}

type AgainstContext = {
  readonly version: string;
  readonly origin: (exchange: Exchange, request: HttpRequest) => string;
  readonly stopped: AbortSignal;
  readonly summary: Summary;
  readonly notice: (text: string) => void;
};

/** Returns how the exchange's own candles are had. `close` ends the connections. */
export async function openAgainst({ version, origin, stopped, summary, notice }: AgainstContext) {
  const http = await createHttpClient({ userAgent: `mdtool/${version}`, signal: stopped });
  const against: Against = {
    client: new RestClient({ http, origin, signal: stopped, onWait: notice }),
    now: () => Date.now() * 1000,
    amountUnit,
    onUnreachable: (reason) => summary.unreachable(`candles of the exchange could not be had: ${reason}`),
    onRefused: (reason) => notice(`candles of the exchange could not be had: ${reason}`),
  };
  return { against, close: () => http.close() };
}

/** Throws a `UsageError` when there is nothing to compare: candles are built from trades. */
export function requireTrades(types: readonly RecordType[] | undefined): void {
  if (types && !types.includes('trade'))
    throw new UsageError('--against exchange compares candles of trades: add trade to --channels, or leave --channels out');
}
