import { BUYER_IS_MAKER, contractMarket, type Facts, ofMinutes, type Preset } from '../preset.js';

const OHLC = { open: 'open', high: 'high', low: 'low', close: 'close' } as const;
const DAY = /(?<label>\d{4}-\d{2}-\d{2})/.source;
const BYBIT = 'https://public.bybit.com';
const BINANCE = 'https://github.com/binance/binance-public-data';
const BITGET = 'https://www.bitget.com/data-download';

const bybitContract = ({ symbol, minutes, label }: Readonly<Record<string, string | undefined>>): Facts => ({
  exchange: 'bybit',
  symbol,
  market: contractMarket(symbol),
  interval: ofMinutes(minutes),
  label,
});

/** `mark_price`, `index_price` and `premium_index` files share one layout; only their name says which it is. */
const BYBIT_BARS = { timestamp: 'start_at', symbol: 'symbol' } as const;
const bybitBars = (suffix: string) => new RegExp(`^(?<symbol>[A-Z0-9-]+?)[_-]?${DAY}_${suffix}`);

const BYBIT_PRESETS: readonly Preset[] = [
  {
    name: 'bybit-trades',
    about: 'Bybit archive of contract trades; amounts as the exchange counts them (inverse: US dollars)',
    source: `${BYBIT}/trading/`,
    type: 'trade',
    columns: { timestamp: 'timestamp', symbol: 'symbol', side: 'side', amount: 'size', price: 'price', id: 'trdMatchID' },
    marks: ['tickDirection', 'homeNotional', 'foreignNotional'],
    units: ['s'],
    file: new RegExp(`^(?<symbol>[A-Z0-9]+?(?:-\\d{2}[A-Z]{3}\\d{2})?)${DAY}`),
    facts: bybitContract,
    ofRow: ({ symbol }) => ({ market: contractMarket(String(symbol)) }),
  },
  {
    name: 'bybit-spot-trades',
    about: 'Bybit archive of spot trades; ids are row numbers, made unique by the day of the file',
    source: `${BYBIT}/spot/`,
    type: 'trade',
    columns: { id: 'id', timestamp: 'timestamp', price: 'price', amount: 'volume', side: 'side', sequence: 'id' },
    units: ['ms'],
    file: /^(?<symbol>[A-Z0-9]+)[_-](?<label>\d{4}-\d{2}(?:-\d{2})?)/,
    needsName: true,
    facts: ({ symbol, label }) => ({ exchange: 'bybit', market: 'spot', symbol, label }),
    id: (id, { label }) => `${label}-${id}`,
  },
  {
    name: 'bybit-klines',
    about: 'Bybit klines for MetaTrader 4, whose clock is UTC+3',
    source: `${BYBIT}/kline_for_metatrader4/`,
    type: 'candle',
    columns: { timestamp: 'time', ...OHLC, volume: 'volume' },
    positions: ['time', 'open', 'high', 'low', 'close', 'volume'],
    units: ['iso'],
    zone: '+03:00',
    file: /^(?<symbol>[A-Z0-9]+)_(?<minutes>\d+)_\d{4}-\d{2}-\d{2}_\d{4}-\d{2}-\d{2}/,
    needsName: true,
    facts: bybitContract,
  },
  {
    name: 'bybit-mark-klines',
    about: "Bybit mark price bars; a bar's open is the mark at its start",
    source: `${BYBIT}/mark_price_kline/`,
    type: 'mark_price',
    columns: { ...BYBIT_BARS, mark: 'open' },
    marks: ['period', 'close'],
    units: ['s'],
    file: bybitBars('mark'),
    needsName: true,
    facts: bybitContract,
  },
  {
    name: 'bybit-index-klines',
    about: "Bybit index price bars; a bar's open is the index at its start",
    source: `${BYBIT}/index_price_kline/`,
    type: 'mark_price',
    columns: { ...BYBIT_BARS, index: 'open' },
    marks: ['period', 'close'],
    units: ['s'],
    file: bybitBars('index'),
    needsName: true,
    facts: bybitContract,
    refused: 'an index price alone is not a record of mdtool: mark_price needs the mark as well; import the mark klines',
  },
  {
    name: 'bybit-premium-klines',
    about: 'Bybit premium index bars: recognised, and refused',
    source: `${BYBIT}/premium_index/`,
    type: 'mark_price',
    columns: { ...BYBIT_BARS, mark: 'open' },
    marks: ['period', 'close'],
    units: ['s'],
    file: bybitBars('premium'),
    needsName: true,
    facts: bybitContract,
    refused: 'a premium index is a rate, not a price, and mdtool has no record for it; settled funding comes by mdtool backfill',
  },
];

const BITGET_MARKETS: Readonly<Record<string, 'spot' | 'linear' | 'inverse'>> = {
  SPBL: 'spot',
  UMCBL: 'linear',
  CMCBL: 'linear',
  DMCBL: 'inverse',
};
const bitgetFacts = ({ symbol, product = '', label }: Readonly<Record<string, string | undefined>>): Facts => ({
  exchange: 'bitget',
  symbol,
  market: BITGET_MARKETS[product],
  label,
});
const BITGET_FILE = /^(?:(?<symbol>[A-Z0-9]+)_(?<product>SPBL|UMCBL|CMCBL|DMCBL)_)?(?<label>\d{8})(?:_\d{3})?/;

const BITGET_PRESETS: readonly Preset[] = [
  {
    name: 'bitget-trades',
    about: 'Bitget download of trades: size(base) is the amount; whole seconds; a day starts at 16:00 UTC; parts _001…',
    source: BITGET,
    type: 'trade',
    columns: {
      id: 'trade_id',
      sequence: 'trade_id',
      timestamp: 'timestamp',
      price: 'price',
      side: 'side',
      amount: 'size(base)',
    },
    marks: ['volume(quote)'],
    units: ['ms'],
    file: BITGET_FILE,
    facts: bitgetFacts,
  },
  {
    name: 'bitget-klines',
    about: 'Bitget download of klines, saved as CSV; their interval is in no file',
    source: BITGET,
    type: 'candle',
    columns(header, { symbol }) {
      const find = (name: string) => header.find((column) => column.toLowerCase() === name);
      const [volume, usdt] = [find('basevolume'), find('usdtvolume')];
      if (volume === undefined || usdt === undefined) return undefined;
      // Of a pair in another currency `usdtVolume` is converted, and not its turnover.
      return { timestamp: 'timestamp', ...OHLC, volume, ...(symbol?.endsWith('USDT') ? { turnover: usdt } : {}) };
    },
    units: ['ms'],
    file: BITGET_FILE,
    facts: bitgetFacts,
  },
];

const BINANCE_FILE = (kind: string) => new RegExp(`^(?<symbol>[A-Z0-9]+(?:_[A-Z0-9]+)?)-${kind}-\\d{4}-\\d{2}`);
/** COIN-M counts contracts of 10 or 100 dollars. */
const binanceFacts = ({ symbol, interval }: Readonly<Record<string, string | undefined>>): Facts => ({
  exchange: 'binance',
  symbol,
  interval,
});
const KLINE_COLUMNS = ['open_time', 'open', 'high', 'low', 'close', 'volume', 'close_time', 'quote_volume', 'count'] as const;

const BINANCE_PRESETS: readonly Preset[] = [
  {
    name: 'binance-klines',
    about: 'Binance archive of klines, with and without header; milliseconds, on spot microseconds since 2025',
    source: BINANCE,
    type: 'candle',
    columns: {
      timestamp: 'open_time',
      ...OHLC,
      volume: 'volume',
      turnover: 'quote_volume',
      trades: 'count',
      buy_volume: 'taker_buy_volume',
    },
    positions: [...KLINE_COLUMNS, 'taker_buy_volume', 'taker_buy_quote_volume', 'ignore'],
    units: ['ms', 'us'],
    file: BINANCE_FILE('(?<interval>\\d+[smhdw])'),
    facts: binanceFacts,
  },
  {
    name: 'binance-aggtrades',
    about: 'Binance archive of aggregate trades: fills of one order at one price are one trade',
    source: BINANCE,
    type: 'trade',
    columns: {
      id: 'agg_trade_id',
      sequence: 'agg_trade_id',
      price: 'price',
      amount: 'quantity',
      timestamp: 'transact_time',
      side: 'is_buyer_maker',
    },
    positions: [
      'agg_trade_id',
      'price',
      'quantity',
      'first_trade_id',
      'last_trade_id',
      'transact_time',
      'is_buyer_maker',
      'is_best_match',
    ],
    units: ['ms', 'us'],
    file: BINANCE_FILE('aggTrades'),
    facts: binanceFacts,
    sides: BUYER_IS_MAKER,
  },
  {
    name: 'binance-trades',
    about: 'Binance archive of trades: qty is the amount in base units',
    source: BINANCE,
    type: 'trade',
    columns: { id: 'id', sequence: 'id', price: 'price', amount: 'qty', timestamp: 'time', side: 'is_buyer_maker' },
    positions: ['id', 'price', 'qty', 'quote_qty', 'time', 'is_buyer_maker', 'is_best_match'],
    units: ['ms', 'us'],
    file: BINANCE_FILE('trades'),
    facts: binanceFacts,
    sides: BUYER_IS_MAKER,
  },
];

/** Files that exchanges publish. */
export const ARCHIVE_PRESETS: readonly Preset[] = [...BYBIT_PRESETS, ...BITGET_PRESETS, ...BINANCE_PRESETS];
