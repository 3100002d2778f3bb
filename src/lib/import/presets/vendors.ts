import { contractMarket, type Facts, ofMinutes, type Preset } from '../preset.js';

const TARDIS = 'https://docs.tardis.dev/downloadable-csv-files';
const TARDIS_IDENTITY = {
  exchange: 'exchange',
  symbol: 'symbol',
  timestamp: 'timestamp',
  local_timestamp: 'local_timestamp',
} as const;
const TARDIS_TRADE = { ...TARDIS_IDENTITY, side: 'side', price: 'price', amount: 'amount' } as const;

/** What Tardis calls the markets of an exchange; those that count contracts are left to `--market`. */
const TARDIS_MARKETS: Readonly<Record<string, (symbol: string) => Facts>> = {
  binance: () => ({ exchange: 'binance', market: 'spot' }),
  'binance-futures': () => ({ exchange: 'binance', market: 'linear' }),
  bybit: (symbol) => ({ exchange: 'bybit', market: contractMarket(symbol) }),
  'bybit-spot': () => ({ exchange: 'bybit', market: 'spot' }),
  bitget: () => ({ exchange: 'bitget', market: 'spot' }),
  coinbase: () => ({ exchange: 'coinbase', market: 'spot' }),
  kraken: () => ({ exchange: 'kraken', market: 'spot' }),
  bitstamp: () => ({ exchange: 'bitstamp', market: 'spot' }),
};

const tardisRow = ({ exchange, symbol }: Readonly<Record<string, unknown>>): Facts =>
  TARDIS_MARKETS[String(exchange)]?.(String(symbol)) ?? {};
/** `binance-futures_trades_2024-06-01_BTCUSDT.csv.gz`, or in a folder by the path of its address. */
const tardisFile = (kind: string) => new RegExp(`(?:^|_)${kind}(?:_\\d{4}-\\d{2}-\\d{2}|_|\\.|$)`);

const TARDIS_PRESETS: readonly Preset[] = [
  {
    name: 'tardis-trades',
    about: 'Tardis CSV of trades; amounts as the exchange counts them',
    source: TARDIS,
    type: 'trade',
    columns: { ...TARDIS_TRADE, id: 'id' },
    units: ['us'],
    file: tardisFile('trades'),
    needsName: true,
    ofRow: tardisRow,
  },
  {
    name: 'tardis-liquidations',
    about: 'Tardis CSV of liquidations: buy closed a short',
    source: TARDIS,
    type: 'liquidation',
    columns: TARDIS_TRADE,
    units: ['us'],
    file: tardisFile('liquidations'),
    needsName: true,
    ofRow: tardisRow,
  },
  {
    name: 'tardis-book-snapshots',
    about: 'Tardis CSV of book snapshots, 5 or 25 levels',
    source: TARDIS,
    type: 'book_snapshot',
    columns: TARDIS_IDENTITY,
    marks: ['asks[0].price', 'asks[0].amount', 'bids[0].price', 'bids[0].amount'],
    units: ['us'],
    file: tardisFile('book_snapshot_\\d+'),
    hasLevels: true,
    ofRow: tardisRow,
  },
  {
    name: 'tardis-derivative-ticker',
    about: 'Tardis CSV of derivative tickers: mark price, open interest and funding of each row',
    source: TARDIS,
    type: 'mark_price',
    columns: { ...TARDIS_IDENTITY, mark: 'mark_price', index: 'index_price' },
    also: [
      { type: 'open_interest', columns: { ...TARDIS_IDENTITY, amount: 'open_interest' } },
      {
        type: 'funding',
        columns: { ...TARDIS_IDENTITY, rate: 'funding_rate', next_funding_timestamp: 'funding_timestamp' },
      },
    ],
    marks: ['last_price'],
    units: ['us'],
    file: tardisFile('derivative_ticker'),
    ofRow: tardisRow,
  },
];

const CDD_INTERVALS: Readonly<Record<string, string>> = { d: '1d', minute: '1m', h: '1h' };

/** The column of a volume in the currency that the symbol begins with is the base volume. */
function cddColumns(header: readonly string[], { symbol = '' }: Facts) {
  const find = (pattern: RegExp) => header.find((name) => pattern.test(name));
  const volumes = header.flatMap((name) => /^Volume (\S+)$/i.exec(name)?.[1] ?? []);
  const named = (currency: string | undefined) =>
    header.find((name) => name.toLowerCase() === `volume ${currency}`.toLowerCase());
  const pair = symbol.replace(/[^A-Z0-9]/gi, '');
  const base = volumes.find((currency) => pair.startsWith(currency) && volumes.some((quote) => pair === currency + quote));
  const time = find(/^unix( timestamp)?$/i);
  const [open, high, low, close] = ['open', 'high', 'low', 'close'].map((name) => find(new RegExp(`^${name}$`, 'i')));
  const volume = named(base);
  if (!time || !open || !high || !low || !close || volumes.length !== 2) return undefined;
  const turnover = named(volumes.find((currency) => currency !== base));
  const trades = find(/^tradecount$/i);
  const symbolColumn = find(/^symbol$/i);
  return {
    timestamp: time,
    open,
    high,
    low,
    close,
    ...(volume && turnover && { volume, turnover }),
    ...(trades && { trades }),
    ...(symbolColumn && { symbol: symbolColumn }),
  };
}

/** Files of companies that collect market data. */
export const VENDOR_PRESETS: readonly Preset[] = [
  ...TARDIS_PRESETS,
  {
    name: 'cryptodatadownload',
    about: 'CryptoDataDownload candles: the volume in the base currency, the turnover in the quote currency; newest first',
    source: 'https://www.cryptodatadownload.com/data/',
    type: 'candle',
    columns: cddColumns,
    units: ['s', 'ms'],
    file: /^(?<exchange>[A-Za-z]+)_(?<symbol>[A-Z0-9]+)_(?<interval>d|h|minute|\d+[mhd])\./,
    facts: ({ exchange, symbol, interval }) => ({
      exchange: exchange?.toLowerCase(),
      symbol,
      interval: interval && (CDD_INTERVALS[interval] ?? interval),
    }),
  },
  {
    name: 'kraken-ohlcvt',
    about: 'Kraken download of OHLCVT candles',
    source: 'https://support.kraken.com/articles/360047124832',
    type: 'candle',
    columns: { timestamp: 'time', open: 'open', high: 'high', low: 'low', close: 'close', volume: 'volume', trades: 'trades' },
    positions: ['time', 'open', 'high', 'low', 'close', 'volume', 'trades'],
    units: ['s'],
    file: /^(?<symbol>[A-Z0-9]+)_(?<minutes>1|5|15|30|60|240|720|1440)\./,
    needsName: true,
    facts: ({ symbol, minutes }) => ({ exchange: 'kraken', market: 'spot', symbol, interval: ofMinutes(minutes) }),
  },
  {
    name: 'kraken-trades',
    about: 'Kraken download of trades: time, price and volume, without side: they count in no buy_volume and no delta',
    source: 'https://support.kraken.com/articles/360047543791',
    type: 'trade',
    columns: { timestamp: 'time', price: 'price', amount: 'volume' },
    positions: ['time', 'price', 'volume'],
    units: ['s'],
    file: /^(?<symbol>[A-Z0-9]+)\.csv/,
    needsName: true,
    facts: ({ symbol }) => ({ exchange: 'kraken', market: 'spot', symbol }),
  },
];
