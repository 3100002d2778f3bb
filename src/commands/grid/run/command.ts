import { BaseCommand } from '../../../lib/cli/base-command.js';
import { rawValue } from '../../../lib/cli/stderr.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { UsageError } from '../../../lib/model/errors.js';
import { givenOf } from './config.js';
import { type RunFlags, runFlags, runOrFileArgument } from './flags.js';
import { Fleet, type FleetEntry } from './fleet.js';
import { Follower } from './follower.js';
import { RunMetrics } from './metrics.js';
import { keptArguments } from './reconfigure.js';
import { readRows } from './rows.js';
import { onStop } from './session.js';

type Raw = Parameters<typeof givenOf>[0];

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
    {
      description: 'Several runs in one process, with limits over all of them',
      command: '<%= config.bin %> <%= command.id %> @runs.toml --demo --max-total-deposit 2000 --max-total-loss 200',
    },
    { description: 'Go on with a run', command: '<%= config.bin %> <%= command.id %> eth-long' },
  ];

  static override args = { name: runOrFileArgument };
  static override flags = runFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags, raw } = await this.parse(GridRun);
    const entries = await this.#entries(args.name, flags, raw);
    // What a run says leaves by its outbox; what keeps one from being opened is in none.
    await this.openAlerts(flags, 'failures');
    const { createHttpClient } = await import('../../../lib/transport/http.js');
    const userAgent = `mdtool/${this.config.version}`;
    // Without the signal: a request that has left when Ctrl-C comes is awaited, so that its outcome is known.
    const http = await createHttpClient({ userAgent });
    const ended = new AbortController();
    const context = {
      ...{ settings: this.settings, stderr: this.stderr, http, origin: this.restOrigin, userAgent, signal: ended.signal },
      notice: (text: string) => this.notice(text),
      failed: (text: string) => this.alerts?.fail(text),
    };
    const fleet = new Fleet({ maxTotalDeposit: flags['max-total-deposit'], maxTotalLoss: flags['max-total-loss'] });
    let follower: Follower | undefined;
    const metrics = flags.metrics && (await RunMetrics.listen(flags.metrics, this.config.version, () => fleet.sessions));
    if (metrics) this.stderr.log.info(`metrics on port ${metrics.port}`);
    try {
      await fleet.open(entries, context);
      follower = flags.notify ? this.#follow(flags, fleet) : undefined;
      for (const { config } of fleet.sessions)
        this.stderr.log.info(`${config.name}: ${config.mode.toUpperCase()} on ${config.exchange} ${config.symbol}`);
      onStop(this.stopped, () => fleet.stop(flags['on-exit']));
      return await this.deliver(fleet.records(context), {
        flags,
        fallback: 'store',
        endless: true,
        types: TYPES,
        summarize: () => fleet.conclude(this.summary),
      });
    } catch (error) {
      // On a full disk the store of the records fails after the journal: what the journal says decides the exit code.
      throw fleet.failure ?? error;
    } finally {
      fleet.close();
      await follower?.close();
      await metrics?.close();
      ended.abort();
      await http.close();
    }
  }

  #follow({ store, sink: sinks }: RunFlags, { sessions }: Fleet): Follower {
    const names = sessions.map(({ config }) => config.name);
    const config = rawValue(this.argv, '--config');
    return new Follower({ root: this.config.root, store, names, sinks, config, stderr: this.stderr });
  }

  /** Returns the runs that the command line means; those of a file take what it says of all of them. */
  async #entries(name: string, flags: RunFlags, raw: Raw): Promise<readonly FleetEntry[]> {
    if (!name.startsWith('@')) {
      if (flags['max-total-deposit'] !== undefined || flags['max-total-loss'] !== undefined)
        throw new UsageError('--max-total-deposit and --max-total-loss are for the runs of a file: grid run @FILE');
      const given = givenOf(raw);
      if (!flags.reconfigure) return [{ name, flags, given }];
      const whole = await this.parse(GridRun, [...this.argv, ...(await keptArguments(name, flags, given))]);
      return [{ name, flags: whole.flags, given: givenOf(whole.raw) }];
    }
    const common = this.argv.filter((text) => text !== name);
    const said = new Set(raw.flatMap((token) => (token.type === 'flag' ? [token.flag] : [])));
    const entries: FleetEntry[] = [];
    for (const row of await readRows(name.slice(1))) {
      const both = row.flags.find((flag) => said.has(flag));
      if (both !== undefined) throw new UsageError(`--${both} stands in the command line and in ${name} (run ${row.name})`);
      const parsed = await this.parse(GridRun, [row.name, ...row.argv, ...common]).catch((error) => {
        throw new UsageError(`${name}: run ${row.name}: ${(error as Error).message.split('\n')[0]}`);
      });
      entries.push({ name: row.name, flags: parsed.flags, given: givenOf(parsed.raw) });
    }
    return entries;
  }
}
