import type { Live } from '../../capture/live/live.js';
import type { LiveStatus } from '../../capture/live/status.js';
import type { readKeys } from '../keys.js';
import { createColors } from '../output/colors.js';
import { Screen, type ScreenTerminal } from '../screen.js';
import type { Stderr } from '../stderr.js';
import type { MarketBoard } from './market-board.js';
import { MarketView } from './market-view.js';
import { flow, ratesBetween, statusFields, statusParts } from './status-text.js';

export type StatusReporter = { stop(): void };

type StatusOptions = {
  readonly live: Pick<Live, 'status'>;
  readonly stderr: Stderr;
  /** Milliseconds between two log lines. */
  readonly every: number;
  /** Whether to draw on the terminal. */
  readonly isAnimated: boolean;
  readonly terminal: ScreenTerminal & { readonly isTTY?: boolean };
  /** The market below the status of a terminal; without it the status alone. */
  readonly market?:
    | {
        readonly board: MarketBoard;
        /** Says where the data goes. */
        readonly where: string;
        readonly readKeys: typeof readKeys;
        /** Ends the run. */
        stop(): void;
      }
    | undefined;
};

const REDRAW_EVERY = 500;
/** Number of redraws over which displayed rates are averaged. */
const RATE_SPAN = 10;
/** Number of lines of the status above the market. */
const STATUS_ROWS = 2;

/** Shows the status of a run: redrawn in place on a terminal, as log lines elsewhere. */
export function reportStatus(options: StatusOptions): StatusReporter {
  return options.isAnimated ? drawStatus(options) : logStatus(options);
}

function logStatus({ live, stderr, every }: StatusOptions): StatusReporter {
  let before: LiveStatus | undefined;
  const timer = setInterval(() => {
    const status = live.status();
    stderr.log.info('stats', statusFields(status, ratesBetween(before, status)));
    before = status;
  }, every).unref();
  return { stop: () => clearInterval(timer) };
}

/** The status, and with a board the market below it, at the bottom of the terminal. */
function drawStatus({ live, stderr, terminal, market }: StatusOptions): StatusReporter {
  const history: LiveStatus[] = [];
  let draws = 0;
  const screen = new Screen({
    stderr,
    terminal,
    every: REDRAW_EVERY,
    tick() {
      history.push(live.status());
      if (history.length > RATE_SPAN) history.shift();
      if (++draws % 2 === 0) market?.board.tick();
    },
    lines(room) {
      const status = history.at(-1);
      if (!status) return [];
      const lines = flow(statusParts(status, ratesBetween(history.length > 1 ? history[0] : undefined, status)), room.width);
      return market ? view.lines(lines.slice(0, STATUS_ROWS), market.board.rows(), room) : lines;
    },
  });
  const keys = market?.readKeys((key) => {
    if (view.press(key, () => market.board.rows())) market.stop();
    screen.redraw();
  });
  const view = new MarketView(market?.where ?? '', createColors(terminal), keys !== undefined);
  return {
    stop() {
      keys?.stop();
      screen.stop();
    },
  };
}
