import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupTrial } from '../lib/storage/backup-trials.js';
import { compactTrial } from '../lib/storage/compact-trials.js';
import { crashTrial } from '../lib/storage/crash-trials.js';
import { readerTrial } from '../lib/storage/reader-trials.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store soak '));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the store', () => {
  it('loses nothing printed in 200 kills, at moments spread over seals and merges', async () => {
    let printed = 0;
    for (let trial = 0; trial < 200; trial++) {
      const moment = 30 + ((trial * 137) % 1200);
      printed += (await crashTrial(join(directory, String(trial)), moment)).printed;
      await rm(join(directory, String(trial)), { recursive: true });
    }
    console.log(`200 kills: ${printed} records printed, none lost or doubled`);
    expect(printed).toBeGreaterThan(50_000);
  });

  it('never shows an error, a duplicate, a hole or fewer records in 500 reads beside two writers and merges', async () => {
    const records = await readerTrial(directory, { reads: 500, sealEveryMs: 500 });
    console.log(`500 reads: ${records} records in the end, no error, duplicate or hole, never fewer`);
    expect(records).toBeGreaterThan(10_000);
  });

  it('survives 30 kills of compact at random moments, beside a writer and readers', async () => {
    const report = await compactTrial(directory, { kills: 30, seed: 30 });
    console.log(`30 kills of compact: ${JSON.stringify(report)}`);
    expect(report.killed).toBeGreaterThan(15);
  });

  it('is restored whole from backups of which 20 are killed, beside a writer that is killed', async () => {
    const report = await backupTrial(directory, { kills: 20, seed: 20 });
    console.log(`20 kills of backups: ${JSON.stringify(report)}`);
    expect(report.acknowledged).toBeGreaterThan(1_000);
  });
});
