import { expandSegments, parseSegment } from '../files/segments.js';
import type { StoreContext } from '../log/store-context.js';
import { mergeFiles } from './merge.js';
import { finishedHours } from './merge-plan.js';
import { type SealJob, type SealReport, sealSegment } from './seal.js';

/** Maintenance of a store beside writing; one call at a time. */
export type Maintenance = {
  /** Seals a segment, as `sealSegment`. */
  seal(job: SealJob): Promise<SealReport>;
  /** Merges the files of hours that are over at `now` (microseconds), except those of other running writers. */
  merge(writer: string, now: number): Promise<void>;
  /** From now on somebody waits for the work: it has a normal priority. */
  hurry(): void;
  close(): Promise<void>;
};

/** Returns maintenance in this process, for batch steps. */
export function maintenanceHere(context: StoreContext): Maintenance {
  return {
    seal: (job) => sealSegment(context, job),
    async merge(writer, now) {
      const state = await context.log.read();
      const isOwn = (segments: readonly string[]) =>
        expandSegments(segments).some((segment) => {
          const holder = parseSegment(segment)?.writer ?? '';
          return holder === writer || !state.writers.has(holder);
        });
      const failures: unknown[] = [];
      for (const job of finishedHours(state, now, isOwn)) await mergeFiles(context, job).catch((error) => failures.push(error));
      // A damaged file blocks the merge of its own hour only.
      if (failures.length > 0) throw failures[0];
    },
    hurry() {},
    async close() {},
  };
}
