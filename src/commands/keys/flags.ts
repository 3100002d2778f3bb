import * as Flags from '@oclif/core/flags';
import type { Exchange } from '../../lib/exchanges/exchange.js';
import { EXCHANGES } from '../../lib/exchanges/index.js';
import { UsageError } from '../../lib/model/errors.js';

const IDS = EXCHANGES.filter(({ privateSide }) => privateSide).map(({ id }) => id);

/** The exchange that a key is for. */
export const oneExchange = Flags.custom<Exchange>({
  char: 'e',
  summary: `Exchange: ${IDS.join(' or ')}.`,
  helpValue: 'NAME',
  required: true,
  parse: async (text) => {
    const exchange = EXCHANGES.find(({ id }) => id === text && IDS.includes(id));
    if (exchange) return exchange;
    throw new UsageError(`expected one of ${IDS.join(', ')}, was "${text}"`);
  },
})();

/** Returns rows as text in columns, the head first. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
