/** The jobs that this process has sent to workers, for the eye alone. */
export const SENT_JOBS = {
  /** Jobs of the current part of the work, and those of them that have ended. */
  all: 0,
  ended: 0,
  /** Number of the current part, and of all. */
  part: 1,
  parts: 1,

  /** Begins the work of a market, which is sent in parts. */
  begin(parts: number): void {
    Object.assign(SENT_JOBS, { all: 0, ended: 0, part: 0, parts });
  },

  /** Begins the next part. */
  next(): void {
    Object.assign(SENT_JOBS, { all: 0, ended: 0, part: SENT_JOBS.part + 1 });
  },
};
