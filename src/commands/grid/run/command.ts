import { BaseCommand } from '../../../lib/cli/base-command.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { givenOf } from './config.js';
import { runFlags, runNameArgument } from './flags.js';
import { openSession, stopOnSignal } from './session.js';

const TYPES = ['order', 'fill', 'position', 'event'] as const;

export default class GridRun extends BaseCommand {
  static override summary = 'Trade a martingale grid: on paper, demo or live.';
  static override description =
    `Plans the ladder of mdtool grid plan at the last price, places it, renews its take profit after every fill, cancels the rest when it fills, waits, and begins again. The run is kept under its name: after a crash, a restart or Ctrl-C the same command line goes on where it was. docs/grid-run.md says what can go wrong and what happens then.

On paper (the default) the backtest's matching trades against the live market: it needs no key and sends nothing. A fill at a limit price assumes that nobody stood before the order.

Exit 3 if something of the run remains that was to go, 4 when a limit, a mismatch or a liquidation halted it, 5 when the exchange or the key refuses.`;
  static override examples = [
    {
      description: 'On paper',
      command: '<%= config.bin %> <%= command.id %> eth-long --exchange bitget --symbols ETHUSDT --deposit 500 --leverage 5',
    },
    {
      description: "On the exchange's demo side, at most three cycles",
      command:
        '<%= config.bin %> <%= command.id %> eth-demo --demo --exchange bybit --symbols ETHUSDT --deposit 500 --leverage 5 --max-cycles 3',
    },
    { description: 'Go on with a run', command: '<%= config.bin %> <%= command.id %> eth-long' },
  ];

  static override args = { name: runNameArgument };
  static override flags = runFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags, raw } = await this.parse(GridRun);
    const { createHttpClient } = await import('../../../lib/transport/http.js');
    const userAgent = `mdtool/${this.config.version}`;
    // Without the signal: a request that has left when Ctrl-C comes is awaited, so that its outcome is known.
    const http = await createHttpClient({ userAgent });
    const ended = new AbortController();
    try {
      const session = await openSession(
        args.name,
        flags,
        { given: givenOf(raw) },
        {
          settings: this.settings,
          stderr: this.stderr,
          http,
          origin: this.restOrigin,
          userAgent,
          signal: ended.signal,
          notice: (text) => this.notice(text),
        },
      );
      const { mode, symbol, exchange } = session.config;
      this.stderr.log.info(`${args.name}: ${mode.toUpperCase()} on ${exchange} ${symbol}`);
      stopOnSignal(session, this.stopped, flags['on-exit']);
      try {
        return await this.deliver(session.records(), {
          flags,
          fallback: 'store',
          endless: true,
          types: TYPES,
          summarize: () => this.#conclude(session.result(), session.runner.state.halt?.message),
        });
      } finally {
        session.close();
      }
    } finally {
      ended.abort();
      await http.close();
    }
  }

  #conclude(code: number, halt: string | undefined): void {
    if (code === 3)
      this.summary.incomplete('something of the run remains, or what became of it is not known: mdtool grid status');
    if (code === 4) this.summary.unsafe(`halted: ${halt ?? 'a limit was reached'}`);
    if (code === 5) this.summary.unreachable('the exchange refuses the key');
  }
}
