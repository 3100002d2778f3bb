import { ProgressLine, type ProgressOptions, remainingText } from '../../lib/cli/progress.js';
import { formatSize } from '../../lib/model/number-format.js';
import type { Compaction, CompactTask } from '../../lib/storage/upkeep/compaction.js';

/** Progress of a compaction: partitions done, and the remaining time by their bytes. */
export class CompactProgress {
  readonly #options: ProgressOptions;
  #line: ProgressLine | undefined;
  #tasks: readonly CompactTask[] = [];
  #done = 0;
  #bytes = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  begin(tasks: readonly CompactTask[]): void {
    this.#line = new ProgressLine(this.#options);
    this.#tasks = tasks;
    this.#update();
  }

  /** Counts a partition. Removing one takes no time, so the estimate counts merged bytes only. */
  done({ action, before }: Pick<Compaction, 'action' | 'before'>): void {
    this.#done++;
    if (action === 'merge') this.#bytes += before.bytes;
    this.#update();
  }

  end(): void {
    this.#line?.end();
  }

  #update(): void {
    const task = this.#tasks[this.#done];
    if (!task) return;
    const merges = this.#tasks.filter(({ action }) => action === 'merge');
    const total = merges.reduce((sum, { before }) => sum + before.bytes, 0);
    const { type, date } = task.partition;
    const size = `${formatSize(this.#bytes)} of ${formatSize(total)}`;
    this.#line?.update((elapsed) => {
      const left = total === 0 ? '' : remainingText(this.#bytes / total, elapsed);
      return `${this.#done} of ${this.#tasks.length} partitions, ${size}${left}: ${type} ${date}`;
    });
  }
}
