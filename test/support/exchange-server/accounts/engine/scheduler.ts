type Task = { readonly at: number; readonly order: number; readonly run: () => void };

/** Things that happen later, by exchange time (ms), earliest first; those of one moment in the order they were added. */
export class Scheduler {
  #tasks: Task[] = [];
  #added = 0;
  #time: number | undefined;
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Time of what happens right now; outside of a task the exchange's clock. */
  now(): number {
    return this.#time ?? this.#clock();
  }

  /** Runs at once, and before this returns, where `delay` is 0. */
  after(delay: number, run: () => void): void {
    if (delay <= 0) run();
    else this.#add({ at: this.now() + delay, order: this.#added++, run });
  }

  /** Runs what is due until `until`, each at its own time. */
  run(until: number): void {
    while (this.#tasks[0] && this.#tasks[0].at <= until) {
      const task = this.#tasks.shift() as Task;
      this.at(task.at, task.run);
    }
  }

  /** Runs something at a moment that may lie before the clock's. */
  at(time: number, run: () => void): void {
    const before = this.#time;
    this.#time = before === undefined ? time : Math.max(before, time);
    try {
      run();
    } finally {
      this.#time = before;
    }
  }

  #add(task: Task): void {
    let at = this.#tasks.length;
    while (at > 0 && (this.#tasks[at - 1] as Task).at > task.at) at--;
    this.#tasks.splice(at, 0, task);
  }
}
