import type { Colors } from '../../../lib/cli/output/colors.js';
import type { GridLevel } from '../../../lib/model/records.js';
import type { GridView } from './number-format.js';

/** Margin on both sides of the levels for take profits and liquidation prices, as a share of their range. */
const MARGIN = 0.12;

const MARK = {
  level: '●',
  liquidation: '×',
  takeProfit: '+',
  both: '⊗',
  start: '│',
  none: '·',
  beyondLow: '‹',
  beyondHigh: '›',
} as const;

export const LADDER_LEGEND = '● level   × liquidation after this fill   + take profit   │ start   ⊗ ● and ×';

/**
 * Returns a function that draws one level as a line of `width` characters, prices rising to the right: the level, the
 * liquidation price after its fill, and the take profit. The grid fails where a later ● would pass an ×.
 */
export function createLadder({ plan, levels }: GridView, width: number, colors: Colors): (level: GridLevel) => string {
  const prices = levels.map(({ price }) => price);
  const low = Math.min(...prices);
  const high = Math.max(...prices);
  const room = (high - low) * MARGIN;
  const place = (price: number) => Math.round(((price - low + room) / (high - low + 2 * room)) * (width - 1));
  const marks: Partial<Record<string, (text: string) => string>> = {
    [MARK.liquidation]: colors.bad,
    [MARK.both]: colors.bad,
    [MARK.takeProfit]: colors.good,
    [MARK.none]: colors.faint,
    [MARK.start]: colors.faint,
  };
  return (level) => {
    const line: string[] = new Array(width).fill(MARK.none);
    const draw = (price: number | undefined, mark: string) => {
      if (price === undefined) return;
      const at = place(price);
      if (at < 0) line[0] = MARK.beyondLow;
      else if (at >= width) line[width - 1] = MARK.beyondHigh;
      else line[at] = mark === MARK.liquidation && line[at] === MARK.level ? MARK.both : mark;
    };
    draw(plan.price, MARK.start);
    draw(level.takeProfitPrice, MARK.takeProfit);
    draw(level.price, MARK.level);
    draw(level.liquidationPrice, MARK.liquidation);
    return line.map((mark) => marks[mark]?.(mark) ?? mark).join('');
  };
}
