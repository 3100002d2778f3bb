import { createHash } from 'node:crypto';
import type { QueuedJob } from './job-queue.js';

/** Values that JSON drops or changes, by the text that stands for them. No text of ours begins with NUL. */
const SPECIAL: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [undefined, '\0undefined'],
  [Number.NaN, '\0NaN'],
  [Number.POSITIVE_INFINITY, '\0Infinity'],
  [Number.NEGATIVE_INFINITY, '\0-Infinity'],
]);
const NEGATIVE_ZERO = '\0-0';
const VALUES: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ...[...SPECIAL].map(([value, text]) => [text, value] as const),
  [NEGATIVE_ZERO, -0],
]);

/**
 * Returns plain data as text, so that another process gets the very same. Plain JSON drops a key whose value is undefined:
 * the parameters of a run would then be in another order, and the run would have another id.
 */
export function encodePlain(data: unknown): string {
  return JSON.stringify(data, (_, value) => (Object.is(value, -0) ? NEGATIVE_ZERO : (SPECIAL.get(value) ?? value)));
}

/** Returns the data of `encodePlain`. */
export function decodePlain(text: string): unknown {
  return restored(JSON.parse(text));
}

function restored(value: unknown): unknown {
  if (VALUES.has(value)) return VALUES.get(value);
  if (typeof value !== 'object' || value === null) return value;
  const container = value as Record<string, unknown>;
  for (const key of Object.keys(container)) container[key] = restored(container[key]);
  return value;
}

/** Returns a job of plain data. The same data is the same job. `name` is shown by `worker --status`. */
export function queuePlain(kind: string, name: string, plain: unknown): QueuedJob {
  const body = encodePlain(plain);
  return { id: createHash('sha256').update(body).digest('hex').slice(0, 32), kind, data: { name, body } };
}

/** Returns the data of a job of `queuePlain`. */
export function readPlain({ data }: QueuedJob): unknown {
  return decodePlain((data as { readonly body: string }).body);
}
