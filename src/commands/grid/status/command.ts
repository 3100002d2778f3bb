import { setTimeout as sleep } from 'node:timers/promises';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { runFolder } from '../../../lib/execution/store/run-names.js';
import { backupRun } from '../../../lib/execution/store/sqlite-store.js';
import { UsageError } from '../../../lib/model/errors.js';
import { AskingCommand } from '../run/asking-command.js';
import { type FoundRun, isKnown, readRun, readRuns } from '../run/runs.js';
import { figuresOf, statusLines } from '../run/status-text.js';
import { checkRun } from './check.js';
import { type StatusFlags, statusArgs, statusFlags } from './flags.js';
import { recover, recoveredData, recoveredLines } from './recover.js';

const EVERY = 1_000;
const CLEAR = '\u001b[H\u001b[J';

export default class GridStatus extends AskingCommand {
  static override summary = 'Show the state of runs.';
  static override description =
    `Reads the journals of runs, beside the processes that write them: mode, state, levels, what is held, take profit, profit, fees, drawdown, requests. It sends no order, and needs a key only to ask the exchange.

A heartbeat that is old means that no process keeps the run: its orders rest on the exchange as they are. Exit 3 when --check finds a difference, 4 when a journal is damaged.`;
  static override examples = [
    { description: 'All runs', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'One run, again every second', command: '<%= config.bin %> <%= command.id %> eth-long --watch' },
    { description: 'Compare a run with the exchange', command: '<%= config.bin %> <%= command.id %> eth-long --check' },
    {
      description: 'What rests on the exchange, when the journal is lost',
      command: '<%= config.bin %> <%= command.id %> --recover --exchange bybit --symbols ETHUSDT',
    },
  ];

  static override args = statusArgs;
  static override flags = statusFlags;

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(GridStatus);
    if (flags.recover) await this.#recover(args.name, flags);
    else if (flags.backup !== undefined) await this.#backup(args.name, flags.backup, flags.store);
    else await this.#show(args.name, flags);
    return this.concludeQuietly();
  }

  async #show(name: string | undefined, flags: StatusFlags): Promise<void> {
    const read = async () => (name === undefined ? readRuns(flags.store) : [await readRun(flags.store, name)]);
    let runs = await read();
    this.#print(runs, flags.watch);
    while (flags.watch && !this.stopped.aborted) {
      await sleep(EVERY, undefined, { signal: this.stopped }).catch(() => {});
      if (this.stopped.aborted) break;
      runs = await read();
      this.#print(runs, true);
    }
    if (runs.length === 0) this.notice(`no runs in ${flags.store}: mdtool grid run NAME begins one`);
    const differences = flags.check ? await this.#check(runs, flags) : new Map<string, readonly string[]>();
    this.summary.data = runs.map((run) => {
      if (!isKnown(run)) return { run: run.name, state: 'damaged', halt: run.damage };
      return { ...figuresOf(run), ...(flags.check && { differences: differences.get(run.config.name) }) };
    });
    for (const run of runs) if (!isKnown(run)) this.summary.unsafe(run.damage);
  }

  #print(runs: readonly FoundRun[], clears: boolean): void {
    if (this.jsonEnabled() || runs.length === 0) return;
    const text = runs.map((run) => (isKnown(run) ? statusLines(run).join('\n') : `DAMAGED  ${run.name}`)).join('\n\n');
    this.log(clears && process.stdout.isTTY ? `${CLEAR}${text}` : text);
  }

  async #check(runs: readonly FoundRun[], flags: StatusFlags): Promise<Map<string, readonly string[]>> {
    const all = new Map<string, readonly string[]>();
    for (const run of runs.filter(isKnown)) {
      const { name, mode } = run.config;
      const found = await checkRun(run, flags, this.askContext());
      if (found === undefined) this.notice(`${name} is a ${mode} run: it is on no exchange`);
      else if (found.length === 0) this.notice(`${name}: the exchange is as the journal says`);
      else this.summary.incomplete(`${name}: ${found.join('; ')}`);
      if (found) all.set(name, found);
    }
    return all;
  }

  async #recover(name: string | undefined, flags: StatusFlags): Promise<void> {
    const found = await recover(name, flags, this.askContext());
    if (!this.jsonEnabled()) this.log(recoveredLines(found).join('\n'));
    this.notice('nothing was resumed or changed; mdtool grid stop --kill closes all of it');
    this.summary.data = recoveredData(found);
    if (found.damage !== undefined) this.summary.unsafe(found.damage);
  }

  async #backup(name: string | undefined, file: string, store: string): Promise<void> {
    if (name === undefined) throw new UsageError('--backup: expected the name of a run');
    await backupRun(runFolder(store, name), file);
    this.notice(`the journal of ${name} was copied to ${file}; start it from there only when the original is gone`);
  }
}
