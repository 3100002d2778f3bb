import { Flags } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  exchangesFlag,
  filesFlag,
  marketsFlag,
  outputFlags,
  storeFlag,
  symbolsFlag,
  universeFlags,
} from '../../lib/cli/flags.js';
import { symbolListener } from '../../lib/cli/symbol-listener.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { expandPaths } from '../../lib/input/paths.js';
import { NOTATIONS } from '../../lib/instruments/notation.js';
import { liveSymbolSources, recordedSymbolSources } from '../../lib/instruments/symbol-list.js';
import type { HttpClient } from '../../lib/transport/http.js';
import { dateFlag, symbolRecords } from './run.js';

export default class Symbols extends BaseCommand {
  static override summary = 'List the instruments of an exchange: names, ticks, lots, limits, fees.';
  static override description =
    `Asks the exchanges, or reads the answers recorded on tapes with --replay. By default it lists what one usually trades: USDT pairs on spot, USDT perpetuals on linear, perpetuals on inverse, and of these only what trades now; the value "all" lifts a filter.

Where there is a store, every run keeps the whole lists in it, whatever the filters show, and when an exchange does not answer its last good lists are given, which stderr says; -o store makes a store. --diff gives the instruments that differ, with change (new, gone, changed) and the fields that changed with their values before and after; with --as-of it compares two lists of the store.

Every record carries all spellings (symbol, canonical, ccxt, legacy). --notation puts one of them into symbol, in every output; each is accepted wherever a symbol is asked for.`;
  static override examples = [
    {
      description: 'USDT perpetuals of both exchanges',
      command: '<%= config.bin %> <%= command.id %> --exchange bitget,bybit --market linear',
    },
    {
      description: 'Everything Bybit lists, as a file for pandas or DuckDB',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --quote all --kind all --status all -o bybit.csv',
    },
    {
      description: 'What has been listed, delisted or changed in a week, as one line each',
      command: '<%= config.bin %> <%= command.id %> --diff 7d --quote all --kind all --status all --format ndjson',
    },
    {
      description: 'Instruments on a tape, without the network',
      command: '<%= config.bin %> <%= command.id %> --replay bybit.tape.ndjson.gz --market linear --match "^(BTC|ETH)"',
    },
  ];

  static override flags = {
    exchange: exchangesFlag({ description: 'Default: every exchange, with --replay those of the tapes.' }),
    market: marketsFlag({ description: 'Default: every market of the exchange.' }),
    symbols: symbolsFlag(),
    ...universeFlags,
    notation: Flags.option({ summary: 'Spelling of symbol.', options: NOTATIONS, default: 'native' as const })(),
    replay: filesFlag({
      summary: 'Tapes to read instead of asking the exchanges, separated by commas; globs; `-` reads stdin.',
    }),
    'as-of': dateFlag('--as-of', 'The lists as they were known then: the last of the store at or before it.', ['replay']),
    diff: dateFlag('--diff', 'What is new, gone or changed since the lists as they were known then.'),
    store: storeFlag,
    ...outputFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Symbols);
    const live = flags.replay === undefined && flags['as-of'] === undefined;
    const client = live ? await this.#client() : undefined;
    const listener = symbolListener(
      this.summary,
      (text) => this.notice(text),
      (text) => this.stderr.note(text),
    );
    const sources = async () =>
      client
        ? liveSymbolSources(flags.exchange ?? EXCHANGES, client, this.restOrigin)
        : await recordedSymbolSources(await expandPaths(flags.replay ?? []), EXCHANGES, flags.exchange, listener);
    const request = {
      query: { ...flags, markets: flags.market, signal: this.stopped },
      directory: flags.store,
      exchanges: flags.exchange ?? EXCHANGES,
      named: flags.exchange !== undefined,
      asOf: flags['as-of'],
      diff: flags.diff,
      isReplay: flags.replay !== undefined,
      intoStore: flags.output?.includes('store') ?? false,
    };
    try {
      const records = await symbolRecords(request, sources, listener);
      const types = ['instrument'] as const;
      return await this.deliver(records, { flags, fallback: '-', endless: false, types, data: true, stored: true });
    } finally {
      await client?.close();
    }
  }

  async #client(): Promise<HttpClient> {
    const { createHttpClient } = await import('../../lib/transport/http.js');
    return createHttpClient({
      userAgent: `mdtool/${this.config.version}`,
      signal: this.stopped,
      onRetry: (reason, pause) => this.stderr.log.debug(`${reason}; next attempt in ${Math.round(pause)} ms`),
    });
  }
}
