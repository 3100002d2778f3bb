import { EXIT, FailureError, MdtoolError } from '../model/errors.js';
import { type JobEnd, type RemoteJob, RemoteJobs, type Workers } from './remote-jobs.js';

/** Work of a step that `mdtool worker` processes do: all of it, or the step fails. */
export class RemoteWork {
  readonly #jobs: RemoteJobs;

  private constructor(jobs: RemoteJobs) {
    this.#jobs = jobs;
  }

  /** Connects. Throws as `RemoteJobs.open`. */
  static async open(workers: Workers, stopped: AbortSignal): Promise<RemoteWork> {
    return new RemoteWork(await RemoteJobs.open(workers, { stopped, grace: 0 }));
  }

  /**
   * Yields the result of each job. Throws a `FailureError` for a job that failed: rows without those of the job would look
   * complete. After Ctrl-C throws when a result is missing; what runs is left for the next run of the same jobs.
   */
  async *results(jobs: readonly RemoteJob[]): AsyncGenerator<unknown> {
    this.#jobs.add(jobs);
    let missing = jobs.length;
    for await (const end of this.#jobs.ends()) {
      missing -= 1;
      yield resultOf(end);
    }
    if (missing > 0)
      throw new MdtoolError(
        'stopped: the rows of these jobs are not written; the same command goes on with the jobs that are done',
        EXIT.incomplete,
      );
  }

  /** As `RemoteJobs.forget`. */
  async forget(): Promise<void> {
    await this.#jobs.forget();
  }

  async close(): Promise<void> {
    await this.#jobs.close();
  }
}

function resultOf({ job, outcome }: JobEnd): unknown {
  if (outcome.state === 'done') return outcome.result;
  const { name = job.kind } = job.data as { readonly name?: string };
  throw new FailureError(`--workers: ${name}: ${outcome.reason}`);
}
