import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../lib/cli/base-command.js';
import {
  durationFlag,
  exchangesFlag,
  inputArgument,
  LONGEST_PAUSE,
  marketsFlag,
  outputFlags,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { notifyFlags } from '../../lib/cli/notify-flags.js';
import { noteEachMinute } from '../../lib/cli/progress.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import { ruleFlags } from '../../lib/cli/signal-flags.js';
import { givenFlags, ruleBookOf } from '../../lib/cli/signal-rules.js';
import { rejectionLine } from '../../lib/cli/signal-text.js';
import { runStoreStep, waitFlag } from '../../lib/cli/store-step.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { SECOND } from '../../lib/model/time.js';
import { type SignalRequest, signalStep } from '../../lib/signals/store/signal-run.js';
import { coldLine, noticeText, summarizeSignals } from './text.js';

/** Flags of a run that keeps reading the store. */
const followFlags = {
  follow: Flags.boolean({ summary: 'Keep reading the store until stopped.' }),
  every: durationFlag({
    summary: 'How often to read the store.',
    default: async () => 2 * SECOND,
    defaultHelp: async () => '2s',
    least: SECOND / 10,
    most: LONGEST_PAUSE,
  }),
};

export default class Signals extends BaseCommand {
  static override summary = 'Turn features into trading signals; never sends orders.';
  static override description =
    `A row becomes a signal when all triggers agree on a side (long: delta_z, imb_shift and mark_dev_z reach their thresholds; short: the mirror), every gate passes and the cooldown of that side is over. Stop, target and trailing distance follow from the ATR. A row that is stale, not warm or touched by a gap never becomes a signal.

Every rule is a flag, a key of [signals] in mdtool.toml, and of [signals.symbols.BTCUSDT] for one symbol alone. The id of a signal is a hash of exchange, market, symbol, second, side and rules: the same data and rules give the same ids.`;
  static override examples = [
    {
      description: 'From the store, with rejected signals',
      command: '<%= config.bin %> <%= command.id %> --store data --explain',
    },
    { description: 'Keep reading the store', command: '<%= config.bin %> <%= command.id %> --follow --every 2s' },
    { description: 'In a pipe', command: '<%= config.bin %> features - < market.ndjson | <%= config.bin %> <%= command.id %> -' },
  ];

  static override args = { input: inputArgument };
  static override flags = {
    ...ruleFlags,
    explain: Flags.boolean({ summary: 'Also log rejected signals and their reasons.' }),
    ...followFlags,
    'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when the input, or the window of a row, has an unrepaired gap.' }),
    exchange: exchangesFlag(),
    market: marketsFlag(),
    symbols: symbolsFlag(),
    ...timeFlags,
    ...storeFlags,
    wait: waitFlag,
    ...outputFlags,
    ...notifyFlags,
  };

  async run(): Promise<SummaryDocument> {
    const { args, flags, metadata } = await this.parse(Signals);
    await this.openAlerts(flags);
    const request: SignalRequest = {
      input: args.input ?? [],
      directory: flags.store,
      selection: selectionOf(flags),
      rules: await ruleBookOf(flags, givenFlags(metadata.flags, this.settings), this.settings),
      every: flags.follow ? flags.every / 1000 : undefined,
      rejected: (rejection) => {
        if (flags.explain) this.stderr.log.info(rejectionLine(rejection));
      },
      onNotice: (notice) => this.notice(noticeText(notice, flags.store)),
      stopped: this.stopped,
      warn: (message) => this.notice(message),
    };
    return await runStoreStep(signalStep, request, {
      outputs: flags.output,
      intoStore: request.input.length === 0,
      wait: flags.wait,
      asked: flags,
      stderr: this.stderr,
      deliver: async ({ records, report }, { fallback, endless }) => {
        const notes = endless || flags.follow ? noteEachMinute(this.stderr, () => coldLine(report)) : undefined;
        const delivered = this.deliver(records, {
          flags,
          fallback,
          endless: endless || flags.follow,
          types: ['signal'],
          asLines: true,
          summarize: (summary) => {
            for (const notice of summarizeSignals(summary, report, flags['fail-on-gaps'])) this.notice(notice);
          },
        });
        return await delivered.finally(() => notes?.stop());
      },
      conclude: () => this.conclude(),
    });
  }
}
