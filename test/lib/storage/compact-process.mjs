/** A process that compacts a store once. Arguments: the directory, and JSON options: now (microseconds). */
import { writeSync } from 'node:fs';
import { compactStore } from '../../../dist/lib/storage/compact.js';
import { startStep } from '../../../dist/lib/storage/journal/step-lock.js';

const [directory = '', text = '{}'] = process.argv.slice(2);
const step = await startStep(directory, 'compact', { wait: true });
if (!step) throw new Error('the lock was not given');
writeSync(1, 'ready\n');
await compactStore(
  step.context,
  { now: JSON.parse(text).now },
  {
    onPlan() {},
    onDone() {},
    onFailure: (_, { message }) => void writeSync(2, `${message}\n`),
    onWarning: (message) => void writeSync(2, `${message}\n`),
  },
);
await step.release();
writeSync(1, 'closed\n');
