import { amountUnit, nativeSymbols } from '../../lib/cli/record-selection.js';
import type { Summary } from '../../lib/cli/summary.js';
import type { Exchange, HttpRequest } from '../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { RestClient } from '../../lib/history/rest-client.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord, Coverage, Market, RecordType } from '../../lib/model/records.js';
import { createHttpClient } from '../../lib/transport/http.js';
import type { Against, VerifyListener } from '../../lib/verify/store/verify-store.js';

/** Number of damaged files that stderr lists; the rows name all of them. */
const LISTED_FILES = 20;

/** The flags that decide how a run ends. */
type VerifyConclusion = {
  readonly strict: boolean;
  readonly against?: string | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
};

/** Counts findings, for the summary and the exit code. */
export class VerifyTally implements VerifyListener {
  readonly #verdicts: Record<Coverage['verdict'], number> = { whole: 0, suspect: 0, mismatch: 0, hole: 0 };
  readonly #symbols = new Set<string>();
  readonly #report: (text: string) => void;
  #files = 0;
  #compared = 0;

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  file({ finding }: Parameters<VerifyListener['file']>[0]): void {
    this.#files += 1;
    if (this.#files <= LISTED_FILES) this.#report(finding.detail);
    else if (this.#files === LISTED_FILES + 1) this.#report('… more files are damaged; the rows name them');
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
   * Missing or contradictory records make the run exit with 3; suspicious ones only with `strict`. A symbol that the user
   * named and that has no stored records counts as missing.
   */
  conclude(summary: Summary, flags: VerifyConclusion): void {
    const { strict, against, symbols = [], exchange = EXCHANGES, market } = flags;
    const verdicts = this.#verdicts;
    if (against && this.#compared === 0)
      this.#report('no candle was compared: no closed candle of the exchange lies fully within the stored trades');
    summary.note({ ...verdicts, damaged_files: this.#files, compared: this.#compared });
    const unseen = symbols.filter((name) => !nativeSymbols([name], exchange, market).some((symbol) => this.#symbols.has(symbol)));
    if (unseen.length > 0) summary.incomplete(`no stored records of ${unseen.join(', ')} in the selection`);
    const reasons = [
      ...(verdicts.hole > 0 ? [counted(verdicts.hole, 'hole')] : []),
      ...(verdicts.mismatch > 0 ? [counted(verdicts.mismatch, 'mismatch', 'mismatches')] : []),
      ...(strict && verdicts.suspect > 0 ? [counted(verdicts.suspect, 'suspicious row')] : []),
    ];
    if (reasons.length > 0) summary.incomplete(`verify found ${reasons.join(', ')}`);
  }
}

/** Throws a `UsageError` for outputs into the verified store: it is only read. */
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

/** Returns the source of the exchange's own candles. `close` ends its connections. */
export async function openAgainst({ version, origin, stopped, summary, notice }: AgainstContext) {
  const http = await createHttpClient({ userAgent: `mdtool/${version}`, signal: stopped });
  const against: Against = {
    client: new RestClient({ http, origin, signal: stopped, onWait: notice }),
    now: () => Date.now() * 1000,
    amountUnit,
    onUnreachable: (reason) => summary.unreachable(`the exchange served no candles: ${reason}`),
    onRefused: (reason) => notice(`the exchange served no candles: ${reason}`),
  };
  return { against, close: () => http.close() };
}

/** Throws a `UsageError` when there is nothing to compare: candles are built from trades. */
export function requireTrades(types: readonly RecordType[] | undefined): void {
  if (types && !types.includes('trade'))
    throw new UsageError('--against exchange compares candles of trades: add trade to --channels, or leave --channels out');
}
