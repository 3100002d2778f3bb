/** Callbacks while INPUT is read. */
export type InputListener = {
  /** Called with file, line number and reason of a line or row that is not a record and is skipped. */
  broken(reason: string): void;
};
