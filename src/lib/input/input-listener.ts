import type { AnyRecord } from '../model/records.js';
/** Callbacks while INPUT is read. */
export type InputListener = {
  /** Called with file, line number and reason of a line or row that is not a record and is skipped. */
  broken(reason: string): void;
  /** Called with every record and its line or row number, when a step has to name the place of a record. */
  taken?(record: AnyRecord, place: string): void;
};
