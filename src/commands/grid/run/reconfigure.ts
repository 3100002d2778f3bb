import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig } from '../../../lib/execution/state.js';
import { openRunStore, runDirectory } from '../../../lib/execution/store/sqlite-store.js';
import { configFlags, type RunFlags } from './flags.js';

type Given = Readonly<Record<string, string>>;

const FLAGS: Readonly<Record<string, { readonly type: string } | undefined>> = configFlags;

/**
 * Returns the flags of a run that a command line does not change, as a command line; none for a new run. Without them a limit on
 * the loss that is not named again would be gone without a word.
 */
export async function keptArguments(
  name: string,
  { store, paper, demo, live, account }: Pick<RunFlags, 'store' | 'paper' | 'demo' | 'live' | 'account'>,
  given: Given,
): Promise<string[]> {
  const directory = runDirectory(store, name);
  if (!existsSync(join(directory, 'run.db'))) return [];
  const journal = await openRunStore(directory, { readOnly: true });
  const { config } = journal;
  journal.close();
  const kept = Object.entries(config.given)
    .filter(([flag]) => given[flag] === undefined)
    .map(([flag, value]) => (FLAGS[flag]?.type === 'boolean' ? `--${flag}` : `--${flag}=${value}`));
  if (account === undefined) kept.push(`--account=${config.account}`);
  if (config.mode === 'demo' && !paper && !demo && !live) kept.push('--demo');
  return kept;
}

/** Returns what the settings of a run change, as one line. */
export function changesOf(before: RunConfig, { given }: RunConfig): string {
  const flags = [...new Set([...Object.keys(given), ...Object.keys(before.given)])].filter(
    (flag) => given[flag] !== before.given[flag],
  );
  const words = flags.map((flag) => `--${flag} ${given[flag] ?? 'the default'} (was ${before.given[flag] ?? 'the default'})`);
  return words.length === 0 ? 'no setting is changed' : `changed: ${words.join(', ')}`;
}
