/** What is told of INPUT while it is read. */
export type InputListener = {
  /** A line or row that is no record, with its file, its number and why. It is left out. */
  broken(reason: string): void;
};
