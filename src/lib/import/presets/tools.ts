import { ccxtMarket, contractMarket, type Facts, type Preset } from '../preset.js';

const OHLCV = { timestamp: 'date', open: 'open', high: 'high', low: 'low', close: 'close', volume: 'volume' } as const;
const POSITIONS = ['date', 'open', 'high', 'low', 'close', 'volume'] as const;

type Names = Readonly<Record<string, string | undefined>>;

/** `BTC_USDT_USDT-1h-futures`: base, quote and, of contracts, the currency of the margin. */
function freqtradeFacts({ base, quote, settle, interval }: Names): Facts {
  if (base === undefined) return {};
  const market = settle === undefined ? 'spot' : settle === quote ? 'linear' : settle === base ? 'inverse' : undefined;
  return { symbol: `${base}${quote}`, market, interval };
}

/** `60` is minutes, `1D` a day; seconds have an S. */
function tradingViewInterval(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? `${text}m` : text.toLowerCase();
}

/** `BYBIT_BTCUSDT.P, 60.csv`: `.P` is a perpetual. */
function tradingViewFacts({ exchange, symbol, interval }: Names): Facts {
  if (symbol === undefined) return {};
  const native = symbol.replace(/\.P$/, '');
  return {
    exchange: exchange?.toLowerCase(),
    symbol: native,
    market: native === symbol ? undefined : contractMarket(native),
    interval: tradingViewInterval(interval),
  };
}

/** Files that other tools write. */
export const TOOL_PRESETS: readonly Preset[] = [
  {
    name: 'freqtrade',
    about: 'freqtrade candles as CSV or JSON; feather is to be converted (freqtrade convert-data)',
    source: 'https://www.freqtrade.io/en/stable/data-download/',
    type: 'candle',
    columns: OHLCV,
    positions: POSITIONS,
    units: ['ms', 'iso'],
    zone: 'UTC',
    file: /^(?<base>[A-Z0-9]+)_(?<quote>[A-Z0-9]+?)(?:_(?<settle>[A-Z0-9]+))?-(?<interval>\d+[mhdw])(?:-futures)?\./,
    needsName: true,
    facts: freqtradeFacts,
  },
  {
    name: 'tradingview',
    about: 'TradingView chart export; the last candle may still be open',
    source: 'https://www.tradingview.com/support/solutions/43000537255/',
    type: 'candle',
    columns(header) {
      const isExport = ['time', 'open', 'high', 'low', 'close'].every((name, at) => header[at] === name);
      if (!isExport || !header.includes('Volume')) return undefined;
      return { timestamp: 'time', open: 'open', high: 'high', low: 'low', close: 'close', volume: 'Volume' };
    },
    units: ['s', 'iso'],
    file: /^(?<exchange>[A-Z]+)_(?<symbol>[A-Z0-9.]+), (?<interval>\d+[SDWH]?)/,
    facts: tradingViewFacts,
  },
  {
    name: 'ccxt-ohlcv',
    about: 'ccxt fetchOHLCV as JSON: [milliseconds, open, high, low, close, base volume]',
    source: 'https://docs.ccxt.com/#/?id=ohlcv-structure',
    type: 'candle',
    columns: OHLCV,
    positions: POSITIONS,
    units: ['ms'],
    isJson: true,
  },
  {
    name: 'ccxt-trades',
    about: 'ccxt fetchTrades as JSON: amount is in base units, side that of the taker',
    source: 'https://docs.ccxt.com/#/?id=public-trades',
    type: 'trade',
    columns: { timestamp: 'timestamp', symbol: 'symbol', id: 'id', side: 'side', price: 'price', amount: 'amount' },
    marks: ['info', 'datetime'],
    units: ['ms'],
    isJson: true,
    ofRow: ({ symbol }) => ({ market: ccxtMarket(symbol) }),
  },
  {
    name: 'yahoo',
    about: 'Yahoo Finance daily candles; Volume of a crypto pair counts dollars',
    source: 'https://finance.yahoo.com/quote/BTC-USD/history/',
    type: 'candle',
    columns: { timestamp: 'Date', open: 'Open', high: 'High', low: 'Low', close: 'Close' },
    marks: ['Adj Close'],
    otherUnit: {
      field: 'volume',
      column: 'Volume',
      advice: 'it counts dollars, a volume counts coins; --columns turnover=Volume,volume=Volume/Close estimates the coins',
    },
    units: ['iso'],
    zone: 'UTC',
    file: /^(?<symbol>[A-Z0-9]+-[A-Z]+)\./,
    facts: ({ symbol }) => ({ exchange: 'yahoo', market: 'spot', symbol, interval: '1d' }),
  },
  {
    name: 'pandas',
    about: 'pandas to_csv with its index as first column, without name',
    source: 'https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.to_csv.html',
    type: 'candle',
    columns: { ...OHLCV, timestamp: '' },
    units: ['s', 'ms', 'us', 'ns', 'iso'],
  },
];
