/** The process behind `maintenanceApart`: does what it is asked, one thing at a time, until whoever asks is gone. */
import { constants, setPriority } from 'node:os';
import { storePaths } from '../files/store-directory.js';
import { openStoreContext } from '../log/store-context.js';
import { maintenanceHere } from './maintenance.js';
import type { MaintenanceAnswer, MaintenanceRequest } from './maintenance-process.js';

// A Ctrl-C on a terminal reaches this process too: whether sealing goes on is for the one who asked to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Where a process may not lower itself it works at the priority it has.
}

const maintenance = maintenanceHere(openStoreContext(storePaths(process.argv[2] ?? '')));

process.on('message', async (request: MaintenanceRequest) => {
  const answer: MaintenanceAnswer = await answerTo(request).catch((error: Error) => ({ failure: error.message }));
  process.send?.(answer);
});

async function answerTo(request: MaintenanceRequest): Promise<MaintenanceAnswer> {
  if (request.kind === 'seal') return { report: await maintenance.seal(request.job) };
  await maintenance.merge(request.writer, request.now);
  return {};
}
