import { createInterface } from 'node:readline/promises';
import type { RunConfig } from '../../../lib/execution/state.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { RunFlags } from './flags.js';

/**
 * Asks for what real money needs, in the command line of this very start. Throws a `UsageError` where something is missing: no
 * configuration file and no variable can confirm.
 */
export async function confirmLive(config: RunConfig, flags: RunFlags, isNew: boolean): Promise<void> {
  if (config.mode !== 'live') return;
  const { symbol, name, limits } = config;
  if (isNew && (flags['max-deposit'] === undefined || flags['max-loss'] === undefined))
    throw new UsageError('--live needs --max-deposit and --max-loss');
  if (isNew && !flags['accept-unverified'])
    throw new UsageError(
      '--live: no demo account has confirmed yet what the documents of this exchange leave open (docs/grid-run.md); trade with --demo, or add --accept-unverified',
    );
  if (flags.confirm !== undefined) {
    if (flags.confirm !== symbol) throw new UsageError(`--confirm: expected ${symbol}, was "${flags.confirm}"`);
    return;
  }
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(`--live needs a terminal on which the symbol is typed, or --confirm ${symbol}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(
      `${name} trades ${symbol} with REAL MONEY, up to ${limits.maxDeposit} of margin and ${limits.maxLoss ?? 'any'} of loss. Type the symbol: `,
    );
    if (answer.trim() !== symbol) throw new UsageError(`expected ${symbol}, was "${answer.trim()}": nothing was sent`);
  } finally {
    prompt.close();
  }
}
