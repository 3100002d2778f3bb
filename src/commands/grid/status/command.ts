import { setTimeout as sleep } from 'node:timers/promises';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../../lib/cli/base-command.js';
import { storeFlag } from '../../../lib/cli/flags.js';
import type { SummaryDocument } from '../../../lib/cli/summary.js';
import { runName } from '../run/flags.js';
import { readRun, runNames } from '../run/runs.js';
import { figuresOf, statusLines } from '../run/status-text.js';

const EVERY = 1_000;
const CLEAR = '\u001b[H\u001b[J';

export default class GridStatus extends BaseCommand {
  static override summary = 'Show the state of runs.';
  static override description =
    `Reads the journals of runs, beside the processes that write them: mode, state, levels, what is held, take profit, profit, fees, drawdown, requests. It needs no key and sends nothing.

A heartbeat that is old means that no process keeps the run: its orders rest on the exchange as they are.`;
  static override examples = [
    { description: 'All runs', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'One run, again every second', command: '<%= config.bin %> <%= command.id %> eth-long --watch' },
  ];

  static override args = {
    name: Args.string({ description: 'Name of the run; all without it.', parse: async (text) => runName(text) }),
  };
  static override flags = {
    watch: Flags.boolean({ summary: 'Show it again every second, until Ctrl-C.' }),
    store: storeFlag,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags } = await this.parse(GridStatus);
    const read = () =>
      Promise.all((args.name === undefined ? runNames(flags.store) : [args.name]).map((name) => readRun(flags.store, name)));
    let runs = await read();
    const show = () => {
      const text = runs.map((run) => statusLines(run).join('\n')).join('\n\n');
      this.log(flags.watch && process.stdout.isTTY ? `${CLEAR}${text}` : text);
    };
    if (!this.jsonEnabled() && runs.length > 0) show();
    while (flags.watch && !this.stopped.aborted) {
      await sleep(EVERY, undefined, { signal: this.stopped }).catch(() => {});
      if (this.stopped.aborted) break;
      runs = await read();
      if (!this.jsonEnabled()) show();
    }
    if (runs.length === 0) this.notice(`no runs in ${flags.store}: mdtool grid run NAME begins one`);
    this.summary.data = runs.map(figuresOf);
    process.exitCode = this.summary.exitCode;
    return this.summary.document(Date.now() * 1_000);
  }
}
