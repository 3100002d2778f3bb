import { randomBytes } from 'node:crypto';

/** Returns an id under which one process writes events: `stream-4f1c09`. */
export function writerId(step: string): string {
  return `${step.replaceAll(' ', '-')}-${randomBytes(3).toString('hex')}`;
}
