import * as Flags from '@oclif/core/flags';
import { SPACINGS } from '../grid/parameters.js';
import { UsageError } from '../model/errors.js';
import { finite } from '../model/numbers.js';
import type { Exact } from '../model/ticks.js';
import { fractionOf, listOf } from './flags.js';

/** A percentage or a fraction. */
export const fractionFlag = Flags.custom<Exact>({ helpValue: 'PERCENT', parse: async (text) => fractionOf(text) });

/** A number that keeps its decimal text. */
export const decimalFlag = Flags.custom<string>({
  helpValue: 'N',
  parse: async (text) => {
    if (finite(text) === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return text;
  },
});

/** Returns the flags of a grid's ladder, which `grid plan` and `backtest` share, in a group of the help. */
export function ladderFlags(helpGroup: string) {
  return {
    levels: Flags.integer({ summary: 'Number of orders.', defaultHelp: async () => '15', helpValue: 'N', helpGroup }),
    coverage: fractionFlag({
      summary: 'Distance from the first to the last level.',
      defaultHelp: async () => '40%',
      helpGroup,
    }),
    multiplier: decimalFlag({
      summary: 'Amount of each level relative to the previous one.',
      defaultHelp: async () => '1.3',
      helpGroup,
    }),
    'take-profit': fractionFlag({
      summary: 'Distance of the take profit from the average price.',
      defaultHelp: async () => '2%',
      helpGroup,
    }),
    spacing: Flags.option({
      summary: 'Spacing of the level prices.',
      defaultHelp: async () => 'arithmetic',
      options: SPACINGS,
      helpGroup,
    })(),
    'spacing-list': Flags.custom<readonly Exact[]>({
      summary: 'Distances of levels 1, 2, … from the price (1%,2.5%,5%); replaces --levels, --coverage and --spacing.',
      helpValue: 'LIST',
      helpGroup,
      parse: async (text) => listOf(text).map(fractionOf),
    })(),
  };
}
