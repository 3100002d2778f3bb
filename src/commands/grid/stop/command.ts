import { setTimeout as sleep } from 'node:timers/promises';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { isSettled } from '../../../lib/execution/orders.js';
import type { StopMode } from '../../../lib/execution/state.js';
import { runNames } from '../../../lib/execution/store/run-names.js';
import { openRunStore, runDirectory } from '../../../lib/execution/store/sqlite-store.js';
import { UsageError } from '../../../lib/model/errors.js';
import { AskingCommand } from '../run/asking-command.js';
import { readRun } from '../run/runs.js';
import { endingSession } from '../run/session.js';
import { stopArgs, stopFlags } from './flags.js';
import { kill } from './kill.js';

const POLL = 200;

export default class GridStop extends AskingCommand {
  static override summary = 'Stop runs.';
  static override description =
    `Asks the process of a run to stop, and waits until it has: by default it cancels its own levels and keeps the take profit, which only reduces. Orders that are not of the run are never touched.

A run whose process is gone is taken over and ended the same way. --kill is for emergencies. It cancels every order on the symbol, also those of others, and closes the position by market, until the exchange shows neither. With --exchange and --symbols in place of a name it needs no journal.

Exit 3 when something remains that was to go.`;
  static override examples = [
    { description: 'Cancel the levels, keep the take profit', command: '<%= config.bin %> <%= command.id %> eth-long' },
    { description: 'Cancel everything and close the position', command: '<%= config.bin %> <%= command.id %> eth-long --close' },
    {
      description: 'Cancel everything on its symbol and close the position',
      command: '<%= config.bin %> <%= command.id %> eth-long --kill',
    },
    { description: 'Stop every process and leave all orders', command: '<%= config.bin %> <%= command.id %> --all --keep' },
  ];

  static override args = stopArgs;
  static override flags = stopFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(GridStop);
    const isKilling = flags.kill && (args.name !== undefined || flags.exchange !== undefined);
    if (isKilling && (await kill(args.name, flags, { ...this.askContext(), summary: this.summary })))
      return this.concludeQuietly();
    if ((args.name === undefined) === !flags.all) throw new UsageError('expected the name of a run, or --all');
    const mode: StopMode = flags.keep ? 'keep' : flags.cancel ? 'cancel' : flags.close || flags.kill ? 'close' : 'levels';
    const names = args.name === undefined ? runNames(flags.store) : [args.name];
    await Promise.all(names.map((name) => this.#stop(name, mode, flags, flags['accept-endpoint'] ?? [])));
    return this.concludeQuietly();
  }

  async #stop(
    name: string,
    mode: StopMode,
    { store, within: patience }: { readonly store: string; readonly within: number },
    accepted: readonly string[],
  ): Promise<void> {
    const within = patience / 1_000;
    const { isRunning, config } = await readRun(store, name);
    if (!isRunning) {
      await this.#stopHere(name, mode, store, accepted);
      return;
    }
    const journal = await openRunStore(runDirectory(store, name));
    journal.order(mode);
    journal.close();
    const until = performance.now() + within;
    while ((await readRun(store, name)).isRunning) {
      if (performance.now() > until) {
        this.summary.incomplete(`${name} (${config.mode}) has not stopped within ${within / 1_000} s`);
        return;
      }
      await sleep(POLL);
    }
    await this.#report(name, store, mode, `${name} has stopped`);
  }

  /** Without a process of its own, this one takes the run, ends it as asked, and lets it go. */
  async #stopHere(name: string, mode: StopMode, store: string, accepted: readonly string[]): Promise<void> {
    if (mode === 'keep') {
      await this.#report(name, store, mode, `no process keeps ${name}`);
      return;
    }
    const session = await endingSession(name, store, mode, accepted, this.askContext());
    if (session === 3) this.summary.incomplete(`${name}: something remains that was to go, or what became of it is not known`);
    if (session === 5) this.summary.unreachable(`${name}: the exchange refuses the key`);
    await this.#report(name, store, mode, `${name} was stopped`);
  }

  async #report(name: string, store: string, mode: StopMode, text: string): Promise<void> {
    const { state } = await readRun(store, name);
    const rest = state?.orders.filter((order) => !isSettled(order)) ?? [];
    const remains = rest.map(({ clientId }) => clientId).join(', ') || 'no order';
    this.stderr.note(`${text}; what stays: ${remains}, position ${state?.held ?? '0'}`);
    const isLeft = rest.some(
      ({ role }) => mode === 'cancel' || mode === 'close' || (mode === 'levels' && role !== 'take_profit'),
    );
    if (isLeft || (mode === 'close' && Number(state?.held ?? 0) > 0))
      this.summary.incomplete(`${name}: something remains that was to go`);
  }
}
