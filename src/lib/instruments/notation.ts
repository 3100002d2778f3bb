import type { Instrument } from '../model/records.js';

export const NOTATIONS = ['native', 'canonical', 'ccxt', 'legacy'] as const;
export type Notation = (typeof NOTATIONS)[number];

/** Returns the instrument with its symbol in another notation, unchanged when it has none there. */
export function inNotation(instrument: Instrument, notation: Notation): Instrument {
  const spelling = notation === 'native' ? undefined : instrument[notation];
  return spelling === undefined ? instrument : { ...instrument, symbol: spelling };
}
