import type { Market, RecordType, Side } from '../model/records.js';
import type { TimeUnit } from './values.js';

/** What a file says about all of its rows, by its name or its preset. */
export type Facts = {
  readonly exchange?: string | undefined;
  readonly market?: Market | undefined;
  readonly symbol?: string | undefined;
  readonly interval?: string | undefined;
  /** The day or month in the name. */
  readonly label?: string | undefined;
};

/** Fields of a record and the columns that hold them. */
export type Fields = Readonly<Record<string, string>>;

/**
 * The layout of one source's files, as a table of facts. The columns must be in the header, or be `positions` of a file
 * without one.
 */
export type Preset = {
  readonly name: string;
  readonly about: string;
  /** Where the layout is described or was seen. */
  readonly source: string;
  readonly type: RecordType;
  /** The fields of the record and their columns; a function where the header decides. */
  readonly columns: Fields | ((header: readonly string[], facts: Facts) => Fields | undefined);
  /** More records of the same row, each only where its columns have a value. */
  readonly also?: readonly { readonly type: RecordType; readonly columns: Fields }[];
  /** The columns of a file without header, in order; the last ones may be absent. */
  readonly positions?: readonly string[];
  /** Columns that must be in the header although no field uses them: they distinguish this layout from others. */
  readonly marks?: readonly string[];
  /** The units that its times are known in; the zone of its wall-clock times. */
  readonly units: readonly TimeUnit[];
  readonly zone?: string;
  /** The file names of the source, with what they say in named groups. */
  readonly file?: RegExp;
  /** The layout alone is not enough: it is recognised only by the file's name. */
  readonly needsName?: true;
  /** Only JSON files have it. */
  readonly isJson?: true;
  /** What holds for every file; the file's name and symbol may say more. */
  readonly facts?: (names: Readonly<Record<string, string | undefined>>) => Facts;
  /** Facts that the cells of a row say: the market by Tardis' name of the exchange. */
  readonly ofRow?: (fields: Readonly<Record<string, unknown>>) => Facts;
  readonly sides?: Readonly<Record<string, Side>>;
  /** Changes the id of a trade that is unique in its file only. */
  readonly id?: (id: string, facts: Facts) => string;
  /** Columns of book levels, `asks[0].price`. */
  readonly hasLevels?: true;
  /** A column that counts in another unit than the field it looks like, and what to do about it. */
  readonly otherUnit?: { readonly field: string; readonly column: string; readonly advice: string };
  /** Why such files are refused although they are recognised. */
  readonly refused?: string;
};

/** A flag that says whether the buyer was the maker: then the taker sold. */
export const BUYER_IS_MAKER: Readonly<Record<string, Side>> = { true: 'sell', false: 'buy', '1': 'sell', '0': 'buy' };

/** Contracts of the margin coin, which count US dollars: `BTCUSD`, `BTCUSDZ25`. */
const INVERSE = /^.+USD(?:[FGHJKMNQUVXZ]\d{2})?$/;

/** Returns the market of a contract on an exchange whose inverse symbols end with USD. */
export function contractMarket(symbol: string | undefined): Market | undefined {
  if (symbol === undefined) return undefined;
  return INVERSE.test(symbol) ? 'inverse' : 'linear';
}

/** Returns the market of a ccxt symbol: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC`. */
export function ccxtMarket(symbol: unknown): Market | undefined {
  const [, base, quote, settle] = /^([^/:]+)\/([^/:]+)(?::([^-]+))?/.exec(String(symbol)) ?? [];
  if (base === undefined) return undefined;
  if (settle === undefined) return 'spot';
  return settle === quote ? 'linear' : settle === base ? 'inverse' : undefined;
}

/** Returns the interval of a number of minutes. */
export function ofMinutes(minutes: string | undefined): string | undefined {
  return minutes === undefined ? undefined : `${minutes}m`;
}
