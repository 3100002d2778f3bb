import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real Redis on a port of its own, which a test can kill, start again and freeze. */
export class RedisServer {
  readonly port: number;
  readonly #directory: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string, args: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#args = args;
  }

  /** Starts a server. With `appendOnly` a killed one has lost at most its last second when it starts again. */
  static async start({ appendOnly = false } = {}): Promise<RedisServer> {
    const keeps = ['--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'everysec'];
    const directory = mkdtempSync(join(tmpdir(), 'mdtool-redis-'));
    const server = new RedisServer(await freePort(), directory, [...keeps, '--save', '', '--maxmemory-policy', 'noeviction']);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server again, with further arguments. */
  async restart(...args: string[]): Promise<void> {
    const own = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#directory];
    this.#process = spawn('redis-server', [...own, ...this.#args, ...args]);
    for await (const text of this.#process.stdout ?? []) if (String(text).includes('Ready to accept')) return;
    throw new Error('redis-server did not start');
  }

  async kill(): Promise<void> {
    const process = this.#process as ChildProcess;
    process.kill('SIGKILL');
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
  }

  /** Stops the server from answering; its connections stay open. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
