import type { RecordType } from '../model/records.js';
import { SECOND } from '../model/time.js';

/** The inputs of a second. */
export type Input = 'trade' | 'book' | 'ticker' | 'mark' | 'open_interest' | 'funding';

type InputRule = {
  /** The record that carries it. */
  readonly type: RecordType;
  /** How long its last value is carried forward, microseconds; a trade is an event and is never carried. */
  readonly carried: number;
  /** The channels whose gaps damage it: the exchanges' tickers also carry mark, open interest and funding. */
  readonly channels: readonly string[];
};

/** Source and carry-forward time of each input. */
export const INPUTS: Readonly<Record<Input, InputRule>> = {
  trade: { type: 'trade', carried: 0, channels: ['trade'] },
  book: { type: 'book_snapshot', carried: 10 * SECOND, channels: ['book'] },
  ticker: { type: 'ticker', carried: 10 * SECOND, channels: ['ticker'] },
  mark: { type: 'mark_price', carried: 60 * SECOND, channels: ['ticker', 'mark_price'] },
  open_interest: { type: 'open_interest', carried: 120 * SECOND, channels: ['ticker', 'open_interest'] },
  funding: { type: 'funding', carried: 120 * SECOND, channels: ['ticker', 'funding'] },
};

export const INPUT_NAMES = Object.keys(INPUTS) as readonly Input[];

/** Returns the inputs that a gap in `channel` damages; none for channels that seconds do not use (liquidations, candles). */
export function inputsOfChannel(channel: string): readonly Input[] {
  return INPUT_NAMES.filter((input) => INPUTS[input].channels.includes(channel));
}
