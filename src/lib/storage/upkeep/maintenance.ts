import { expandSegments, parseSegment } from '../files/segments.js';
import type { StoreContext } from '../log/store-context.js';
import { mergeFiles } from './merge.js';
import { finishedHours } from './merge-plan.js';
import { type SealJob, type SealReport, sealSegment } from './seal.js';

/** What is done for a store beside writing to it; one call at a time. */
export type Maintenance = {
  /** Seals a segment, as `sealSegment`. */
  seal(job: SealJob): Promise<SealReport>;
  /** Merges the files of hours that are over at `now` (microseconds), where `writer` or nobody is at work on them. */
  merge(writer: string, now: number): Promise<void>;
  close(): Promise<void>;
};

/** Does it in this process: for steps that have an end. */
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
      // A file that is damaged keeps its own hour from being merged, and no other.
      if (failures.length > 0) throw failures[0];
    },
    async close() {},
  };
}
