import { expect, it } from 'vitest';
import { backupTrial } from './backup-trials.js';
import { temporaryDirectory } from './support.js';

it('a backup beside a writer, with backup, writer and restore killed, restores to a whole store', {
  timeout: 300_000,
}, async () => {
  const { acknowledged, stored } = await backupTrial(await temporaryDirectory(), { kills: 2, seed: 3 });
  expect(acknowledged).toBeGreaterThan(20);
  expect(stored).toBeGreaterThanOrEqual(acknowledged);
});
