import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { writeRows } from '../../lib/cli/output/row-output.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { UsageError } from '../../lib/model/errors.js';
import { isRedis } from '../../lib/redis/url.js';
import type { StoreContext } from '../../lib/storage/log/store-context.js';
import { importFlags } from './flags.js';
import { followRedis } from './redis.js';
import { lockStore, type PreparedImport, prepareImport } from './run.js';
import { presetRows } from './text.js';

export default class Import extends BaseCommand {
  static override summary = 'Read foreign files, records of mdtool or another store.';
  static override description =
    `Reads CSV, TSV, JSON, NDJSON and Parquet, each also .gz, .zst or in a .zip. Known sources are recognised by header or file name (--list-presets); other files by the names of their columns. Nothing is guessed: where two readings fit, a message names the flag that decides. Rows that cannot be meant (a price of 0, a high below the open, a time before 2009) are refused one by one and named by file and line; the run then exits with 3.

Importing a file twice changes nothing. An import that ended early is completed by the next one. Trades that share a time keep the order of their file.`;
  static override examples = [
    {
      description: 'Show how a file would be read',
      command: '<%= config.bin %> <%= command.id %> BTCUSDT-1m-2025-01-01.zip --market spot --dry-run',
    },
    {
      description: 'A day of trades into the store',
      command: '<%= config.bin %> <%= command.id %> BTCUSDT2025-12-01.csv.gz -o store',
    },
    {
      description: 'A CSV of your own',
      command:
        "<%= config.bin %> <%= command.id %> trades.csv --columns timestamp=t,price=px,amount=qty,side=s --side-map 'B=buy,S=sell' --exchange okx --market spot --symbols BTC-USDT -o store",
    },
    {
      description: 'Records of another machine, and its whole store',
      command: '<%= config.bin %> <%= command.id %> --from /mnt/other/data -o store',
    },
  ];

  static override args = {
    input: Args.string({
      multiple: true,
      description: 'Files, globs or archives, - for NDJSON on stdin, or a Redis stream (redis://host/KEY?group=NAME).',
    }),
  };

  static override flags = importFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags: all, metadata } = await this.parse(Import);
    // Exchange, symbols and the like of a configuration file say what to capture, not what a file holds.
    const isSetting = (name: string) => SETTINGS.has(name) && metadata.flags[name]?.setFromDefault === true;
    const flags = Object.fromEntries(Object.entries(all).filter(([name]) => !isSetting(name))) as CommandFlags;
    if (flags['list-presets']) return await this.#listPresets(flags);
    const input = (args.input as string[] | string | undefined) ?? [];
    const paths = typeof input === 'string' ? [input] : input;
    if ((paths.length === 0) === (flags.from === undefined))
      throw new UsageError('import: expected files, or --from DIR for another store; see mdtool import --help');
    const intoStore = (flags.output?.includes('store') ?? false) && !flags['dry-run'];
    if (paths.some(isRedis)) return await this.#follow(paths, flags);
    const prepared = await prepareImport(paths, flags);
    if (!intoStore) return await this.#run(prepared, flags, undefined);
    const lock = await lockStore(flags, this.stopped);
    if (!lock) {
      this.notice(`${flags.store}: another run is using this store; --wait waits for it`);
      return this.conclude();
    }
    try {
      return await this.#run(prepared, flags, lock.open);
    } finally {
      await lock.release();
    }
  }

  async #follow(paths: readonly string[], flags: CommandFlags): Promise<SummaryDocument> {
    const { records, ...delivery } = followRedis(paths, flags, { stopped: this.stopped, notice: (text) => this.notice(text) });
    return await this.deliver(records, { ...delivery, flags });
  }

  async #run(
    prepared: PreparedImport,
    flags: CommandFlags,
    open: (() => Promise<StoreContext>) | undefined,
  ): Promise<SummaryDocument> {
    const report = (reason: string) => this.stderr.warn(reason);
    if (flags['dry-run']) {
      const stdout = this.jsonEnabled() ? undefined : process.stdout;
      this.summary.data = await prepared.dryRun({ summary: this.summary, report, stdout });
      return this.conclude();
    }
    const others = (flags.output ?? ['-']).some((output) => output !== 'store');
    const { records, stored, summarize } = prepared.run({ open, others, report });
    return await this.deliver(records, {
      ...({ flags, fallback: '-', endless: false, types: prepared.types } as const),
      stored: open && stored,
      summarize,
    });
  }

  async #listPresets(flags: CommandFlags): Promise<SummaryDocument> {
    const { stdout } = process;
    const rows = presetRows();
    const format = flags.format ?? (stdout.isTTY ? 'table' : 'ndjson');
    if (this.jsonEnabled()) this.summary.data = rows.objects;
    else
      await writeRows(rows.table, {
        format,
        stdout,
        force: false,
        selection: { limit: flags.limit, tail: flags.tail },
        note: (text) => this.stderr.note(text),
      });
    return this.summary.document(Date.now() * 1000);
  }
}

const SETTINGS: ReadonlySet<string> = new Set(['exchange', 'market', 'symbols', 'interval']);

type CommandFlags = Interfaces.InferredFlags<typeof importFlags>;
