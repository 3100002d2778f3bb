import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './mdtool.js';

const SCRIPT = join(ROOT, 'scripts/s3-server.sh');

/** A real S3 server with the bucket `market`, and the variables that point mdtool at it. */
export type Ceph = { readonly environment: Readonly<Record<string, string>>; stop(): void };

/** Starts Ceph's gateway from Debian; about twenty seconds. */
export async function startCeph(): Promise<Ceph> {
  const folder = mkdtempSync(join(tmpdir(), 'ceph-'));
  const stop = () => {
    process.off('exit', stop);
    execFileSync(SCRIPT, ['stop', folder]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  const { stdout } = await promisify(execFile)(SCRIPT, ['start', folder, String(await freePort())]);
  const lines = stdout.trim().split('\n');
  return { environment: Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2))), stop };
}

/** A port with a free one behind it: the monitor listens there. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await new Promise((resolve) => server.close(resolve));
    if (port < 65_000) return port;
  }
}
