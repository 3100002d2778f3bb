import type { Message } from './sink-queue.js';

/** Returns the title of a message, for what has one: `mdtool ALARM`. */
export function titleOf({ severity, kind }: Pick<Message, 'severity' | 'kind'>): string {
  const what = severity === 'routine' ? '' : ` ${severity.toUpperCase()}`;
  return `mdtool${what}${kind === 'digest' ? '' : `: ${kind.replaceAll('_', ' ')}`}`;
}
