import { JobRefusal } from '../redis/job-worker.js';

/** What a worker has for its jobs. */
export type WorkerPlace = {
  readonly version: string;
  /** Directory with the strategies that may run here; without it, none may. */
  readonly modules: string | undefined;
  /** Store to read instead of the one that the job names. */
  readonly store: string | undefined;
};

/** Refuses a job of another version: it may fill orders differently, or round differently. */
export function requireVersion({ version }: { readonly version: string }, place: WorkerPlace): void {
  if (version !== place.version) throw new JobRefusal(`mdtool here is ${place.version}, that of the sender ${version}`);
}
