import type { AnyRecord } from '../model/records.js';
/** Callbacks while INPUT is read. */
export type InputListener = {
  /** Called with file, line number and reason of a line or row that is not a record and is skipped. */
  broken(reason: string): void;
  /** Called with every record and its line or row number, when a step has to name the place of a record. */
  taken?(record: AnyRecord, place: string): void;
  /** Called when an input goes on where an earlier run stopped: what that run remembered, as an open candle, is gone. */
  resumed?(message: string): void;
  /** Called with what happens to the connection of an input. */
  noted?(message: string): void;
};
