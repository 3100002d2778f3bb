import { ProgressLine, type ProgressOptions } from '../../lib/cli/progress.js';
import type { RunningWorker } from '../../lib/jobs/worker-run.js';
import { counted } from '../../lib/model/counted.js';
import { formatCount } from '../../lib/model/number-format.js';

/** The live status of a worker: on a terminal one line, else a line a minute. */
export class WorkerLine {
  readonly #line: ProgressLine;
  readonly #worker: Pick<RunningWorker, 'status'>;

  constructor(options: ProgressOptions, worker: Pick<RunningWorker, 'status'>) {
    this.#line = new ProgressLine(options);
    this.#worker = worker;
  }

  update(): void {
    const { active, waiting, done, failed, stalled, oldest } = this.#worker.status;
    const age = oldest > 0 ? ` (the oldest for ${Math.round(oldest / 1000)} s)` : '';
    const trouble = `${failed > 0 ? `, ${formatCount(failed)} failed` : ''}${stalled > 0 ? `, ${formatCount(stalled)} taken over` : ''}`;
    this.#line.update(
      () => `${counted(active, 'job')} running, ${formatCount(waiting)} waiting${age}, ${formatCount(done)} done${trouble}`,
    );
  }

  end(): void {
    this.#line.end();
  }
}
