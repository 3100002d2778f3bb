import type { Market, RecordType, Side } from '../model/records.js';
import type { Fields } from './preset.js';
import type { TimeUnit } from './values.js';

/** The flags that say what a file means. */
export type ImportOptions = {
  readonly as?: RecordType | undefined;
  readonly preset?: string | undefined;
  readonly exchange?: string | undefined;
  readonly market?: Market | undefined;
  readonly symbol?: string | undefined;
  readonly interval?: string | undefined;
  /** Fields and the columns that hold them: names, or numbers from 1. */
  readonly columns?: Fields | undefined;
  readonly timeUnit?: TimeUnit | undefined;
  readonly inputTz?: string | undefined;
  readonly sides?: Readonly<Record<string, Side>> | undefined;
  readonly delimiter?: string | undefined;
  readonly noHeader: boolean;
  readonly decimal: '.' | ',';
};
