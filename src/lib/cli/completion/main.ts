import { CHANNELS } from '../../exchanges/channels.js';
import { readManifest } from '../manifest.js';
import { complete, type Values } from './candidates.js';

/**
 * Answers one press of the tab key: prints a candidate per line with its description after a tab, then `:` and the
 * directive, as the scripts of `scripts.ts` expect. Never fails: an error would be printed into the command line.
 */
export async function answerCompletion(words: readonly string[]): Promise<void> {
  try {
    const { candidates, directive } = await complete(words, readManifest(), valuesOf);
    const lines = candidates.map(([word, about]) => `${word}\t${about.split('\n')[0]}\n`);
    process.stdout.write(`${lines.join('')}:${directive}\n`);
  } catch {
    process.stdout.write(':0\n');
  }
}

/** Only what was asked for is loaded: a person waits for each key. */
const valuesOf: Values = async (name, words) => {
  switch (name) {
    case 'exchange':
      return (await import('../../exchanges/index.js')).EXCHANGES.map(({ id }) => id);
    case 'market':
      return (await import('../../model/market-records.js')).MARKETS;
    case 'channels':
      return words[0] === 'stream' ? [...CHANNELS, 'features', 'none'] : CHANNELS;
    case 'interval':
      return await intervals();
    case 'symbols':
      return await listedSymbols(words);
    case 'query sql':
      return await viewNames(words);
    default:
      return undefined;
  }
};

/** Every interval that some exchange publishes, shortest first. */
async function intervals(): Promise<readonly string[]> {
  const { EXCHANGES } = await import('../../exchanges/index.js');
  const { parseDuration } = await import('../../model/time.js');
  const all = EXCHANGES.flatMap(({ markets, apis, candleIntervals }) =>
    markets.flatMap((market) => apis.flatMap((api) => candleIntervals(market, api))),
  );
  return ['1s', ...new Set(all)].sort((a, b) => parseDuration(a) - parseDuration(b));
}

/** Symbols of the last lists that the store keeps, of the exchanges and markets on the line. */
async function listedSymbols(words: readonly string[]): Promise<readonly string[]> {
  const { EXCHANGES } = await import('../../exchanges/index.js');
  const { MARKETS } = await import('../../model/market-records.js');
  const { storedLists } = await import('../../instruments/stored-symbols.js');
  const chosen = (flag: string) => valueIn(words, flag)?.split(',');
  const exchanges = EXCHANGES.filter(({ id }) => chosen('exchange')?.includes(id) ?? true);
  const markets = MARKETS.filter((market) => chosen('market')?.includes(market) ?? true);
  const lists = await storedLists(await storeIn(words), { exchanges, markets });
  const trading = lists.flatMap(({ instruments }) => instruments.filter(({ status }) => status === 'trading'));
  return [...new Set(trading.map(({ symbol }) => symbol))].sort();
}

async function viewNames(words: readonly string[]): Promise<readonly string[]> {
  const { listViews } = await import('../../storage/reading/store-views.js');
  return (await listViews(await storeIn(words))).map(({ view }) => view);
}

/** The store that the command would use: of the line, the environment, the configuration, else the default. */
async function storeIn(words: readonly string[]): Promise<string> {
  const named = valueIn(words, 'store') ?? process.env.MDTOOL_STORE;
  if (named) return named;
  const { readConfigFiles } = await import('../config-file.js');
  for (const { table } of readConfigFiles(valueIn(words, 'config') ?? (process.env.MDTOOL_CONFIG || undefined), process.env)) {
    const own = table[words[0] ?? ''] as { readonly store?: unknown } | undefined;
    const store = own?.store ?? table.store;
    if (typeof store === 'string') return store;
  }
  return './data';
}

function valueIn(words: readonly string[], flag: string): string | undefined {
  const at = words.indexOf(`--${flag}`);
  return at >= 0 ? words[at + 1] : words.find((word) => word.startsWith(`--${flag}=`))?.slice(flag.length + 3);
}
