import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  exchangesFlag,
  filesFlag,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
  universeFlags,
} from '../../lib/cli/flags.js';
import { symbolListener } from '../../lib/cli/symbol-listener.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { expandPaths } from '../../lib/input/paths.js';
import { NOTATIONS } from '../../lib/instruments/notation.js';
import { createLiveSymbolSources, createRecordedSymbolSources } from '../../lib/instruments/symbol-list.js';
import type { HttpClient } from '../../lib/transport/http.js';
import { dateFlag, symbolRecords } from './run.js';

export default class Symbols extends BaseCommand {
  static override summary = 'List instruments: names, tick and lot sizes, limits, fees.';
  static override description =
    `Requests the lists from the exchanges, or reads them from tapes (--replay). By default it lists the active USDT pairs (spot), USDT perpetuals (linear) and perpetuals (inverse). The value "all" removes a filter.

If the store exists, each run saves the complete lists in it, whatever the filters show; -o store creates one. If an exchange does not respond, mdtool uses its last good list from the store and says so on stderr. --diff lists the instruments that differ, with \`change\` (new, gone, changed) and the changed fields with old and new values. With --as-of it compares two stored lists.

Every record has all spellings (symbol, canonical, ccxt, legacy). --notation writes one of them to \`symbol\`. Every spelling is accepted wherever a symbol is expected.`;
  static override examples = [
    {
      description: 'USDT perpetuals of both exchanges',
      command: '<%= config.bin %> <%= command.id %> --exchange bitget,bybit --market linear',
    },
    {
      description: 'All Bybit instruments, as a file for pandas or DuckDB',
      command: '<%= config.bin %> <%= command.id %> --exchange bybit --quote all --kind all --status all -o bybit.csv',
    },
    {
      description: 'Listed, delisted and changed instruments of the last week',
      command: '<%= config.bin %> <%= command.id %> --diff 7d --quote all --kind all --status all --format ndjson',
    },
    {
      description: 'Instruments on a tape, without the network',
      command: '<%= config.bin %> <%= command.id %> --replay bybit.tape.ndjson.gz --market linear --match "^(BTC|ETH)"',
    },
  ];

  static override flags = {
    exchange: exchangesFlag({ defaultHelp: async () => 'all; with --replay, those of the tapes' }),
    market: marketsFlag({ defaultHelp: async () => 'all' }),
    symbols: symbolsFlag(),
    ...universeFlags,
    notation: Flags.option({ summary: 'Spelling in the symbol field.', options: NOTATIONS, default: 'native' as const })(),
    replay: filesFlag({
      summary: 'Read the lists from tapes: files, globs, or `-` for stdin.',
    }),
    'as-of': dateFlag('--as-of', 'Show the stored lists as of this time.', ['replay']),
    diff: dateFlag('--diff', 'Show what is new, gone or changed since this time.'),
    ...storeFlags,
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
        ? createLiveSymbolSources(flags.exchange ?? EXCHANGES, client, this.restOrigin)
        : await createRecordedSymbolSources(await expandPaths(flags.replay ?? []), EXCHANGES, flags.exchange, listener);
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
