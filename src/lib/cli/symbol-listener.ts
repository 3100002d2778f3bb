import type { SymbolListener } from '../instruments/symbol-list.js';
import type { Summary } from './summary.js';

export type SymbolRunListener = SymbolListener & { notice(text: string): void };

/** Returns a listener that fills the summary of the run; `notice` prints a warning, `note` a hint. */
export function symbolListener(
  summary: Summary,
  notice: (text: string) => void,
  note: (text: string) => void,
): SymbolRunListener {
  return {
    unreachable: (reason) => summary.unreachable(reason),
    get hasUnreachable() {
      return summary.hasUnreachable;
    },
    incomplete: (reason) => summary.incomplete(reason),
    note,
    notice,
    fallback: notice,
  };
}
