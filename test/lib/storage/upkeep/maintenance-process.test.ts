import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStoreWriter, type StoreWriterOptions } from '../../../../src/lib/storage/store-writer.js';
import { maintenanceApart } from '../../../../src/lib/storage/upkeep/maintenance-process.js';
import { ROOT } from '../../../support/mdtool.js';
import { readAll, rowsOf, sleep, temporaryDirectory, trades } from '../support.js';

const ENTRY = join(ROOT, 'dist/lib/storage/upkeep/maintenance-main.js');

/** The processes that seal for `parent`. */
function sealers(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, , , ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/\(.*\)/, '()')
          .split(' ');
        return Number(ppid) === parent && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('maintenance-main');
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until<Value>(look: () => Value, what: string): Promise<Value> {
  for (let tries = 0; tries < 2_000; tries++) {
    const found = look();
    if (Array.isArray(found) ? found.length > 0 : found) return found;
    await sleep(20);
  }
  throw new Error(`${what} did not come`);
}

const parquet = (directory: string) =>
  (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.endsWith('.parquet') && !name.includes('/.'));

async function writer(
  directory: string,
  options: Partial<StoreWriterOptions> = {},
  times: { idleMs?: number; patienceMs?: number } = {},
) {
  const warnings: string[] = [];
  const opened = await openStoreWriter(directory, {
    step: 'test',
    onWarning: (message) => void warnings.push(message),
    maintenance: ({ paths }) => maintenanceApart(paths.root, { entry: ENTRY, ...times }),
    ...options,
  });
  return { opened, warnings };
}

describe('maintenanceApart', () => {
  it('seals and merges in a process of low priority, and gives back what was written', async () => {
    const directory = await temporaryDirectory();
    const inAnHour = () => Date.now() + 3_600_000;
    const { opened, warnings } = await writer(directory, { sealRecords: 500, now: inAnHour });
    await opened.write(trades(0, 500));
    const [pid] = await until(() => sealers(process.pid), 'a process');
    await until(() => getPriority(pid) >= constants.priority.PRIORITY_BELOW_NORMAL, 'a low priority');
    await opened.write(trades(500, 1_000));
    await until(() => parquet(directory).some((name) => name.includes('merged-')), 'a merged file');
    expect(await opened.close()).toMatchObject({ written: 1_000, repeated: 0, recovered: 0, broken: 0 });
    expect(warnings).toEqual([]);
    expect(await readAll(directory)).toHaveLength(1_000);
    await until(() => sealers(process.pid).length === 0, 'the end of the process');
  });

  it('lets go of the process when there is nothing to do', async () => {
    const directory = await temporaryDirectory();
    const { opened } = await writer(directory, { sealRecords: 10 }, { idleMs: 20 });
    await opened.write(trades(0, 10));
    await until(() => sealers(process.pid), 'a process');
    await until(() => parquet(directory), 'a sealed file');
    await until(() => sealers(process.pid).length === 0, 'the end of the process');
    await opened.write(trades(10, 20));
    expect(await opened.close()).toMatchObject({ written: 20, repeated: 0 });
    expect(await rowsOf(directory, 'SELECT count(*) FROM trade')).toEqual([[20]]);
  });

  it('tries again when the process was killed, and loses nothing', async () => {
    const directory = await temporaryDirectory();
    const { opened, warnings } = await writer(directory, { sealRecords: 1_000 });
    await opened.write(trades(0, 1_000));
    const [pid] = await until(() => sealers(process.pid), 'a process');
    process.kill(pid as number, 'SIGKILL');
    await until(() => warnings, 'a warning');
    expect(warnings[0]).toMatch(
      /sealing was interrupted: the maintenance process ended with SIGKILL; the records stay in the journal/,
    );
    expect(await readAll(directory)).toHaveLength(1_000);
    await opened.write(trades(1_000, 1_500));
    expect(await opened.close()).toMatchObject({ written: 1_500, repeated: 0 });
    expect(await readAll(directory)).toHaveLength(1_500);
  });

  it('goes on in a process of normal priority when the writer is closed', async () => {
    const directory = await temporaryDirectory();
    const { opened, warnings } = await writer(directory, { sealRecords: 500 }, { patienceMs: 0 });
    await opened.write(trades(0, 500));
    const [slow] = await until(() => sealers(process.pid), 'a process');
    // It stands for a process that a busy machine does not let run.
    process.kill(slow as number, 'SIGSTOP');
    await opened.write(trades(500, 700));
    const closed = opened.close();
    const [quick] = await until(() => sealers(process.pid).filter((pid) => pid !== slow), 'another process');
    expect(getPriority(quick)).toBe(getPriority());
    expect(await closed).toEqual({ written: 700, repeated: 0, contradicting: 0, recovered: 0, broken: 0 });
    expect(warnings).toEqual([]);
    expect(await readAll(directory)).toHaveLength(700);
    await until(() => sealers(process.pid).length === 0, 'the end of the processes');
  });

  it('ends with the process it works for', async () => {
    const directory = await temporaryDirectory();
    const options = JSON.stringify({ sealEveryMs: 200, pauseMs: 20, entry: ENTRY });
    const child = spawn(process.execPath, [join(import.meta.dirname, '../writer-process.mjs'), directory, options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    const [pid] = await until(() => sealers(child.pid as number), 'a process');
    await until(() => parquet(directory), 'a sealed file');
    child.kill('SIGKILL');
    await until(() => !readdirSync('/proc').includes(String(pid)), 'the end of the process');
    const ids = printed.split('\n').filter((line) => /^t\d+$/.test(line));
    const stored = new Set((await readAll(directory)).map((record) => (record.type === 'trade' ? record.id : '')));
    expect(ids.filter((id) => !stored.has(id))).toEqual([]);
  });
});
