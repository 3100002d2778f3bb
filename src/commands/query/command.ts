import { readFileSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { exchangesFlag, FORMATS, type Format, marketsFlag, storeFlag, symbolsFlag, timeFlags } from '../../lib/cli/flags.js';
import { requireKnownSymbols } from '../../lib/cli/known-store.js';
import { rowObjects, writeRows } from '../../lib/cli/output/row-output.js';
import { parametersFlag, parametersOf } from '../../lib/cli/parameters.js';
import { nativeSymbols } from '../../lib/cli/record-selection.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { counted } from '../../lib/model/counted.js';
import { FailureError, UsageError } from '../../lib/model/errors.js';
import { systemReason } from '../../lib/sinks/system-reason.js';
import { requireStoreDirectory } from '../../lib/storage/files/store-directory.js';
import type { QueryOptions, QueryResult } from '../../lib/storage/reading/query.js';

export default class Query extends BaseCommand {
  static override summary = 'Query the store in SQL; without SQL, list its contents.';
  static override description =
    `Each record type is a view (trade, ticker, book_snapshot, …). candle_1m holds candles built from trades, candle_exchange_1m those of the exchange. A view includes records that are still being written.

A statement can only read the store: SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES. --since, --until, --exchange, --market and --symbols limit the files that are opened and the rows of the views. On a large store they are much faster than a WHERE clause.

In NDJSON and CSV, times are microseconds since the epoch; integers beyond 2^53 and decimals are text.`;
  static override examples = [
    { description: 'List the contents of the store', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Turnover by symbol over the last day',
      command:
        '<%= config.bin %> <%= command.id %> --since 1d "select symbol, sum(price * amount) as turnover from trade group by 1"',
    },
    {
      description: 'A statement with a parameter, as CSV',
      command: '<%= config.bin %> <%= command.id %> --file spread.sql --param symbol=BTCUSDT --format csv',
    },
  ];

  static override args = { sql: Args.string({ description: 'One SQL statement; `-` reads it from stdin.' }) };

  static override flags = {
    file: Flags.string({ summary: 'Read the statement from a file.', helpValue: 'FILE' }),
    param: parametersFlag,
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    store: storeFlag,
    output: Flags.string({
      char: 'o',
      summary: 'Destination: - (stdout), FILE.ndjson or FILE.csv, both also .gz.',
      helpValue: 'DEST',
    }),
    format: Flags.option({
      summary: 'Format on stdout.',
      defaultHelp: async () => 'table on a terminal, else ndjson',
      options: FORMATS,
    })(),
    force: Flags.boolean({ summary: 'Overwrite an existing output file.' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Query);
    if (this.jsonEnabled() && flags.output === '-')
      throw new UsageError('-o - cannot be combined with --json, which prints one document on stdout');
    const exchanges = flags.exchange ?? EXCHANGES;
    if (flags.symbols) await requireKnownSymbols(flags.store, flags);
    const selection = {
      exchanges: flags.exchange?.map(({ id }) => id),
      markets: flags.market,
      symbols: flags.symbols && nativeSymbols(flags.symbols, exchanges, flags.market),
      since: flags.since,
      until: flags.until,
    };
    const request = { sql: statementOf(args.sql, flags.file), parameters: parametersOf(flags.param), selection };
    const result = await this.#result(flags.store, request);
    try {
      return await this.#print(result, flags);
    } finally {
      await result.close();
    }
  }

  async #result(store: string, { sql, ...options }: { sql: string | undefined } & QueryOptions): Promise<QueryResult> {
    if (sql !== undefined) return await (await import('../../lib/storage/reading/query.js')).queryStore(store, sql, options);
    requireStoreDirectory(store);
    return await (await import('../../lib/storage/reading/store-views.js')).viewsResult(store, options.selection);
  }

  async #print(result: QueryResult, { output, format, force }: RowFlags) {
    this.summary.note({ rows: result.rowCount });
    const file = output === '-' ? undefined : output;
    if (this.jsonEnabled()) this.summary.data = await rowObjects(result);
    if (!this.jsonEnabled() || file !== undefined) {
      const { stdout } = process;
      const note = (text: string) => this.stderr.note(text);
      await writeRows(result, { format: format ?? (stdout.isTTY ? 'table' : 'ndjson'), stdout, output: file, force, note });
    }
    this.stderr.note(`query: ${counted(result.rowCount, 'row')}${file ? ` written to ${file}` : ''}`);
    return this.summary.document(Date.now() * 1000);
  }
}

type RowFlags = { readonly output?: string | undefined; readonly format?: Format | undefined; readonly force: boolean };

/** Returns the statement of the argument or of `--file`, undefined without one. `-` is stdin. */
function statementOf(argument: string | undefined, file: string | undefined): string | undefined {
  if (argument !== undefined && file !== undefined) throw new UsageError('query: use either SQL or --file, not both');
  if (file === undefined && argument !== '-') return argument;
  const path = file ?? '-';
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FailureError(`cannot read the statement from ${path}: ${systemReason(error)}`, { cause: error });
  }
}
