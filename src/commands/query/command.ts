import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  exchangesFlag,
  FORMATS,
  type Format,
  marketsFlag,
  rowFlags,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { requireKnownSymbols } from '../../lib/cli/known-store.js';
import { rowFileFormat, rowObjects, selectedRows, withFile, writeRows } from '../../lib/cli/output/row-output.js';
import type { RowSelection } from '../../lib/cli/output/row-selection.js';
import { parametersFlag, parametersOf } from '../../lib/cli/parameters.js';
import { whileWorking } from '../../lib/cli/progress.js';
import { nativeSymbols } from '../../lib/cli/record-selection.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import { requireStore } from '../../lib/storage/files/store-directory.js';
import type { QueryOptions } from '../../lib/storage/reading/query.js';
import type { QueryResult } from '../../lib/storage/reading/query-result.js';
import { statementAndFiles } from './files.js';
import { DESCRIPTION, EXAMPLES } from './text.js';

export default class Query extends BaseCommand {
  static override summary = 'Query the store and files in SQL; list the store.';
  static override description = DESCRIPTION;
  static override examples = EXAMPLES;
  static override args = { sql: Args.string({ description: 'One SQL statement; `-` reads it from stdin.' }) };

  static override flags = {
    file: Flags.string({
      summary: 'NAME=PATH makes a view of a file, repeatable; a path alone is a file with the statement.',
      helpValue: 'NAME=PATH',
      multiple: true,
      multipleNonGreedy: true,
    }),
    param: parametersFlag,
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    ...storeFlags,
    output: Flags.string({
      char: 'o',
      summary:
        'Destination: - (stdout), FILE.ndjson or FILE.csv (both also .gz), FILE.parquet or FILE.duckdb; or s3://BUCKET/FILE.',
      helpValue: 'DEST',
    }),
    format: Flags.option({
      summary: 'Format on stdout.',
      defaultHelp: async () => 'table on a terminal, else ndjson',
      options: FORMATS,
    })(),
    ...rowFlags,
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
    const { sql, files } = statementAndFiles(args.sql, flags.file);
    const file = flags.output === '-' ? undefined : flags.output;
    const isExport = file !== undefined && /^(parquet|duckdb)$/.test(rowFileFormat(file));
    return await withFile(file, flags.force, async (path) => {
      const request = { sql, files, parameters: parametersOf(flags.param), selection, exportPath: isExport ? path : undefined };
      const result = await whileWorking(this.stderr, 'query', () => this.#result(flags.store, request));
      try {
        return await this.#print(result, flags, path);
      } finally {
        await result.close();
      }
    });
  }

  async #result(store: string, { sql, ...options }: { sql: string | undefined } & QueryOptions): Promise<QueryResult> {
    if (sql !== undefined) {
      const { queryStore } = await import('../../lib/storage/reading/query.js');
      const { createFileView, isFileName } = await import('../../lib/input/file-view.js');
      return await queryStore(store, sql, { ...options, readFile: { isFileName, createView: createFileView } });
    }
    await requireStore(store);
    return await (await import('../../lib/storage/reading/store-views.js')).viewsResult(store, options.selection);
  }

  async #print(result: QueryResult, { output, format, force, ...selection }: QueryFlags, file: string | undefined) {
    const rows = selectedRows(result, selection);
    this.summary.note({ rows: rows.rowCount });
    if (this.jsonEnabled()) this.summary.data = await rowObjects(rows);
    if (!this.jsonEnabled() || file !== undefined) {
      const { stdout } = process;
      const note = (text: string) => this.stderr.note(text);
      const chosen = format ?? (stdout.isTTY ? 'table' : 'ndjson');
      await writeRows(result, { format: chosen, selection, stdout, output: file, force, note });
    }
    this.stderr.note(`query: ${counted(rows.rowCount, 'row')}${file ? ` written to ${output}` : ''}`);
    return this.summary.document(Date.now() * 1000);
  }
}

type QueryFlags = RowSelection & {
  readonly output?: string | undefined;
  readonly format?: Format | undefined;
  readonly force: boolean;
};
