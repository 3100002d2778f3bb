import { sizeText } from '../../lib/cli/output/size-text.js';
import type { Compaction, CompactTask } from '../../lib/storage/upkeep/compaction.js';

export type ProgressOptions = {
  /** Whether stderr is a terminal that people read. */
  readonly isLive: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds that have passed since some moment. */
  readonly elapsed: () => number;
};

/** Draws one line that is drawn over: how far a run has come, and by its bytes how long it will take. */
export class CompactProgress {
  readonly #options: ProgressOptions;
  #tasks: readonly CompactTask[] = [];
  #done = 0;
  #bytes = 0;
  #started = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  begin(tasks: readonly CompactTask[]): void {
    this.#tasks = tasks;
    this.#started = this.#options.elapsed();
    this.#draw();
  }

  /** Counts a partition; removing one takes no time. */
  done({ action, before }: Pick<Compaction, 'action' | 'before'>): void {
    this.#done++;
    if (action === 'merge') this.#bytes += before.bytes;
    this.#draw();
  }

  end(): void {
    if (this.#options.isLive && this.#tasks.length > 0) this.#options.write('\r\u001b[K');
  }

  #draw(): void {
    const { isLive, write, elapsed } = this.#options;
    const task = this.#tasks[this.#done];
    if (!isLive || !task) return;
    const merges = this.#tasks.filter(({ action }) => action === 'merge');
    const total = merges.reduce((sum, { before }) => sum + before.bytes, 0);
    const left = this.#bytes === 0 ? undefined : ((elapsed() - this.#started) / this.#bytes) * (total - this.#bytes);
    const estimate = left === undefined ? '' : `, ${Math.ceil(left / 1000)} s left`;
    const { type, date } = task.partition;
    const size = `${sizeText(this.#bytes)} of ${sizeText(total)}`;
    write(`\r\u001b[K${this.#done} of ${this.#tasks.length} partitions, ${size}${estimate}: ${type} ${date}`);
  }
}
