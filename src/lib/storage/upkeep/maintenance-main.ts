/** Entry point of the maintenance process: handles one request at a time until its parent ends. */
import { constants, setPriority } from 'node:os';
import { storePaths } from '../files/store-directory.js';
import { openStoreContext } from '../log/store-context.js';
import { maintenanceHere } from './maintenance.js';
import { HURRIED, type MaintenanceAnswer, type MaintenanceRequest } from './maintenance-process.js';

// A Ctrl-C on a terminal reaches this process as well. The parent decides whether sealing continues.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
try {
  if (process.argv[3] !== HURRIED) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // Not allowed on this system: keep the normal priority.
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
