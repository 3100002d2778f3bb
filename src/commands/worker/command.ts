import { setTimeout as pause } from 'node:timers/promises';
import { BaseCommand } from '../../lib/cli/base-command.js';
import { progressOn } from '../../lib/cli/progress.js';
import type { SummaryDocument } from '../../lib/cli/summary.js';
import { RunningWorker } from '../../lib/jobs/worker-run.js';
import { counted } from '../../lib/model/counted.js';
import { workerFlags } from './flags.js';
import { WorkerMetrics } from './metrics.js';
import { readStatus, statusLines } from './status.js';
import { WorkerLine } from './worker-line.js';

/** Milliseconds between two looks at the queue. */
const LOOK_EVERY = 1_000;

export default class Worker extends BaseCommand {
  static override summary = 'Do the work of other mdtool processes, over a Redis.';
  static override description =
    `Takes jobs of backtest, candles and features with --workers redis://host until it is stopped. It reads the data itself, from the same path or from --store, and compares it by a hash: other data, or another version of mdtool, is refused, and the sender says so. A job is done at least once, and its result counts once.

SIGTERM or Ctrl-C finishes the running jobs; a second signal ends at once, and another worker does them again.

Needs the package bullmq (npm install -g bullmq) and Redis 6.2 or later with maxmemory-policy noeviction.`;
  static override examples = [
    { description: 'Two jobs at once', command: '<%= config.bin %> <%= command.id %> --queue redis://10.0.0.5 --concurrency 2' },
    {
      description: 'With strategies of your own',
      command: '<%= config.bin %> <%= command.id %> --queue redis://10.0.0.5 --allow-modules strategies',
    },
    { description: 'Who does what', command: '<%= config.bin %> <%= command.id %> --queue redis://10.0.0.5 --status' },
  ];

  static override flags = workerFlags;

  async run(): Promise<SummaryDocument> {
    const { flags } = await this.parse(Worker);
    const connection = { url: flags.queue, flag: '--queue', onTrouble: (text: string) => this.notice(text) };
    if (flags.status) return await this.#show(connection);
    const signal = this.stopped;
    const worker = await RunningWorker.start({
      ...{ connection, concurrency: flags.concurrency, lock: flags.lock / 1000, version: this.config.version },
      ...{ modules: flags['allow-modules'], store: flags.store },
      onFailure: (reason) => this.stderr.log.warn(`a job failed: ${reason}`),
    });
    const metrics = flags.metrics && (await WorkerMetrics.listen(flags.metrics, this.config.version, worker));
    const line = new WorkerLine(progressOn(this.stderr), worker);
    if (metrics) this.stderr.log.info(`metrics on port ${metrics.port}`);
    this.stderr.log.info('waiting for jobs');
    await untilStopped(signal, async () => {
      await worker.refresh();
      line.update();
    });
    line.end();
    await worker.close();
    await metrics?.close();
    const { done, failed, stalled } = worker.status;
    this.stderr.note(`worker: ${counted(done, 'job')} done, ${failed} failed`);
    this.summary.note({ done, failed, stalled });
    return this.concludeQuietly();
  }

  async #show(connection: Parameters<typeof readStatus>[0]): Promise<SummaryDocument> {
    const status = await readStatus(connection);
    if (!this.jsonEnabled()) for (const line of statusLines(status)) this.log(line);
    this.summary.data = status;
    return this.concludeQuietly();
  }
}

async function untilStopped(signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    // A lost Redis is reported by its client; what is shown stays as it was.
    void look().catch(() => {});
    await pause(LOOK_EVERY, undefined, { signal }).catch(() => {});
  }
}
