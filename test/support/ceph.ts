import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isInstalled } from './installed.js';
import { ROOT } from './mdtool.js';
import { S3Server } from './s3-server.js';

const SCRIPT = join(ROOT, 'scripts/s3-server.sh');

/** An S3 server with the bucket `market`, and the variables that point mdtool at it. */
export type RunningS3 = {
  readonly environment: Readonly<Record<string, string>>;
  readonly isReal: boolean;
  stop(): void | Promise<void>;
};

/** Starts Ceph's gateway where it is installed, about twenty seconds; else, said loudly, the server of `S3Server`. */
export async function startS3(tests: string): Promise<RunningS3> {
  if (isInstalled('radosgw', `${tests} against a real S3 server`)) return await startCeph();
  console.error(`${tests}: an S3 server in this process takes its place\n`);
  const server = await S3Server.start();
  return { environment: server.environment, isReal: false, stop: () => server.stop() };
}

async function startCeph(): Promise<RunningS3> {
  const folder = mkdtempSync(join(tmpdir(), 'ceph-'));
  const stop = () => {
    process.off('exit', stop);
    execFileSync(SCRIPT, ['stop', folder]);
    // Its processes may still write while they end.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  process.once('exit', stop);
  const { stdout } = await promisify(execFile)(SCRIPT, ['start', folder, String(await freePort())]);
  const lines = stdout.trim().split('\n');
  const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  return { environment, isReal: true, stop };
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
