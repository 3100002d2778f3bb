import { DAY, formatDuration, formatTime, HOUR, MINUTE } from '../model/time.js';
import { storedLists } from './stored-symbols.js';
import type { FallbackLists } from './symbol-list.js';

/** Creates the fallback that reads the last good lists of the store in `directory`, and reports which ones it uses. */
export function createLastGoodLists(directory: string, report: (text: string) => void): FallbackLists {
  return async (exchange, markets, reason) => {
    const lists = await storedLists(directory, { exchanges: [exchange], markets }).catch((error: Error) => {
      report(`cannot read an older list: ${error.message}`);
      return [];
    });
    for (const { market, timestamp } of lists) {
      const age = ageText(Date.now() * 1000 - timestamp);
      report(`${exchange.id} ${market}: ${reason}; using the last good list of the store (${formatTime(timestamp)}, ${age} old)`);
    }
    return lists;
  };
}

/** Returns an age in whole days from two days on, in hours from two hours on, else in minutes. */
function ageText(age: number): string {
  const unit = [DAY, HOUR].find((size) => age >= 2 * size) ?? MINUTE;
  return age < MINUTE ? 'less than 1m' : `${Math.floor(age / unit)}${formatDuration(unit).slice(1)}`;
}
