import { createInterface } from 'node:readline/promises';
import type { RunConfig } from '../../../lib/execution/state.js';
import { UsageError } from '../../../lib/model/errors.js';
import type { RunFlags } from './flags.js';

/**
 * Asks for what real money needs, in the command line of this very start. Throws a `UsageError` where something is missing: no
 * configuration file and no variable can confirm.
 */
export async function confirmLive(
  config: RunConfig,
  flags: RunFlags,
  { isNew, obstacle }: { readonly isNew: boolean; readonly obstacle: string | undefined },
): Promise<void> {
  if (config.mode !== 'live') return;
  const { symbol, name, limits } = config;
  if (isNew && (flags['max-deposit'] === undefined || flags['max-loss'] === undefined))
    throw new UsageError('--live needs --max-deposit and --max-loss');
  if (isNew && obstacle !== undefined)
    throw new UsageError(`--live: ${obstacle}; docs/grid-run.md says what that is about; or add --accept-unverified`);
  await confirmSymbol(symbol, flags.confirm, {
    needs: '--live',
    question: `${name} trades ${symbol} with REAL MONEY, up to ${limits.maxDeposit} of margin and ${limits.maxLoss ?? 'any'} of loss.`,
  });
}

/** Has the user name a symbol, by --confirm or on the terminal. Throws a `UsageError` where it is not the one. */
export async function confirmSymbol(
  symbol: string,
  confirmed: string | undefined,
  { needs, question }: { readonly needs: string; readonly question: string },
): Promise<void> {
  if (confirmed !== undefined) {
    if (!confirmed.split(',').some((one) => one.trim() === symbol))
      throw new UsageError(`--confirm: expected ${symbol}, was "${confirmed}"`);
    return;
  }
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(`${needs} needs a terminal on which the symbol is typed, or --confirm ${symbol}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${question} Type the symbol: `);
    if (answer.trim() !== symbol) throw new UsageError(`expected ${symbol}, was "${answer.trim()}": nothing was sent`);
  } finally {
    prompt.close();
  }
}
