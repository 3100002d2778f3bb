import { nativeSymbols } from '../../lib/cli/record-selection.js';
import { isUrl, namedArchive, readArchiveFile } from '../../lib/history/archive-rows.js';
import { requireMarket } from '../../lib/history/run-archive.js';
import { UsageError } from '../../lib/model/errors.js';
import type { InstrumentKind, Market } from '../../lib/model/records.js';
import type { BackfillContext, BackfillFlags } from './context.js';

/** Endings of symbols that name a quote asset. */
const QUOTES = ['USDT', 'USDC', 'USDE', 'USD', 'EUR', 'BRL', 'DAI', 'BTC', 'ETH'];

/** Dated contracts: `BTC-25DEC26`, `BTCUSDT-26JUN26`, `BTCUSDZ25`. */
const DATED = /-\d{2}[A-Z]{3}\d{2}$|USD[FGHJKMNQUVXZ]\d{2}$/;

/**
 * Throws a `UsageError` when a flag contradicts one of the archives of INPUT: another exchange, market, symbol or channel.
 * Nothing has been read into the store by then. The market of a URL is known only after its download.
 */
export async function requireArchiveFlags({ paths, flags }: Pick<BackfillContext, 'paths' | 'flags'>): Promise<void> {
  const { channels, interval = [], market } = flags;
  const other = channels.find((type) => type !== 'trade');
  if (other !== undefined) throw new UsageError(`--channels ${other}: archives have trades only`);
  if (interval.length > 0) throw new UsageError('--interval is for candles; archives have trades only');
  for (const path of paths) requireName(path, flags);
  for (const path of paths.filter((name) => (market || flags.kind) && !isUrl(name) && namedArchive(name))) {
    const file = await readArchiveFile(path);
    requireMarket(path, file, market);
    requireKind(path, file.name.symbol, file.layout.market, flags);
  }
}

function requireName(path: string, { exchange, market, symbols, quote, match }: BackfillFlags): void {
  const named = namedArchive(path);
  if (!named) return;
  const { symbol } = named.name;
  if (exchange && !exchange.includes(named.exchange))
    throw new UsageError(
      `${path}: an archive of ${named.exchange.id}, but --exchange is ${exchange.map(({ id }) => id).join(', ')}`,
    );
  if (symbols && !nativeSymbols(symbols, [named.exchange], market).includes(symbol))
    throw new UsageError(`${path}: an archive of ${symbol}, but --symbols is ${symbols.join(', ')}`);
  if (match && !match.test(symbol)) throw new UsageError(`${path}: an archive of ${symbol}, which --match does not accept`);
  const ending = QUOTES.find((name) => symbol.endsWith(name));
  if (quote && quote !== 'all' && ending !== undefined && !quote.some((name) => symbol.endsWith(name)))
    throw new UsageError(`${path}: an archive of ${symbol}, but --quote is ${quote.join(', ')}`);
}

function requireKind(path: string, symbol: string, market: Market, { kind }: BackfillFlags): void {
  const own: InstrumentKind = market === 'spot' ? 'spot' : DATED.test(symbol) ? 'future' : 'perpetual';
  if (kind && kind !== 'all' && !kind.includes(own))
    throw new UsageError(`${path}: an archive of a ${own} symbol, but --kind is ${kind.join(', ')}`);
}
