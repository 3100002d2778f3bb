import { Flags, type Interfaces } from '@oclif/core';
import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  exchangesFlag,
  inputArgument,
  marketsFlag,
  outputFlags,
  storeFlag,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { startStoreStep, waitFlag } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { followFlags, ruleFlags } from './flags.js';
import { givenFlags, type RuleBook, ruleBookOf } from './rules.js';
import { openSignals } from './run.js';
import { rejectionLine, signalLine } from './text.js';

export default class Signals extends BaseCommand {
  static override summary = 'Turn features into trading signals; never sends orders.';
  static override description =
    `A signal comes where all triggers agree on a side (long: delta_z, imb_shift and mark_dev_z at least their thresholds; short: the mirror), every gate lets the row pass and the last signal of that side is long enough ago. Stop, target and trailing distance follow from the ATR. What is stale, not warm or touched by a gap never becomes a signal.

Every rule is a flag, a key of [signals] in mdtool.toml, and of [signals.symbols.BTCUSDT] for one symbol alone. The id of a signal is a hash of exchange, market, symbol, second, side and rules: the same data and rules give the same ids.`;
  static override examples = [
    {
      description: 'From the store, with what was rejected',
      command: '<%= config.bin %> <%= command.id %> --store data --explain',
    },
    { description: 'Keep looking at the store', command: '<%= config.bin %> <%= command.id %> --follow --every 2s' },
    { description: 'On a pipe', command: '<%= config.bin %> features - < market.ndjson | <%= config.bin %> <%= command.id %> -' },
  ];

  static override args = { input: inputArgument };
  static override flags = {
    ...ruleFlags,
    explain: Flags.boolean({ summary: 'Also tell on stderr what was rejected and why.' }),
    ...followFlags,
    'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when an unrepaired gap lies in the windows of a row, or in the input.' }),
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    store: storeFlag,
    wait: waitFlag,
    ...outputFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags, metadata } = await this.parse(Signals);
    const input = args.input ?? [];
    const rules = await ruleBookOf(flags, givenFlags(metadata.flags, this.settings), this.settings);
    const intoStore = flags.output?.includes('store') ?? input.length === 0;
    if (input.length > 0 || !intoStore) return await this.#signals(input, rules, flags, false);
    const way = { wait: flags.wait, stopped: this.stopped, stderr: this.stderr, warn: (message: string) => this.notice(message) };
    const step = await startStoreStep(flags.store, 'signals', way);
    if (!step) return this.conclude();
    try {
      // A part of the time is a question of its own.
      return await this.#signals(input, rules, flags, flags.since === undefined && flags.until === undefined);
    } finally {
      await step.release();
    }
  }

  async #signals(input: readonly string[], rules: RuleBook, flags: CommandFlags, remembers: boolean): Promise<SummaryDocument> {
    const run = await openSignals({
      input,
      store: flags.store,
      selection: selectionOf(flags),
      every: flags.follow ? flags.every / 1000 : undefined,
      remembers,
      rules,
      failOnGaps: flags['fail-on-gaps'],
      rejected: (rejection) => {
        if (flags.explain) this.stderr.log.info(rejectionLine(rejection));
      },
      stopped: this.stopped,
      warn: (message) => this.notice(message),
    });
    return this.deliver(run.records, {
      flags,
      fallback: input.length > 0 ? '-' : 'store',
      endless: flags.follow || input.includes('-'),
      types: ['signal'],
      line: signalLine,
      summarize: (summary) => {
        for (const note of run.summarize(summary)) this.notice(note);
      },
    });
  }
}

type CommandFlags = Interfaces.InferredFlags<typeof Signals.flags>;
