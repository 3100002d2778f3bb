import type { AnyRecord } from '../model/records.js';
import type { RecordSelection } from '../model/selection.js';
import type { RecordSource } from '../storage/database/row-table.js';
import type { StoreContext } from '../storage/log/store-context.js';

/** What a step of the chain reads. */
export type StepRequest = {
  /** Files, globs or `-`; empty: the store. */
  readonly input: readonly string[];
  readonly directory: string;
  readonly selection: RecordSelection;
  readonly stopped: AbortSignal;
  /** Called with a message for the user while the step runs. */
  readonly warn: (message: string) => void;
};

/** Records of a step, and the facts about them; the facts are complete when the records have ended. */
export type StepRun<Report> = { readonly records: RecordSource<AnyRecord[]>; readonly report: Report };

/** A step of the chain (`candles`, `features`, `signals`) over its three sources. */
export type StoreStep<Request extends StepRequest, Report> = {
  readonly name: string;
  /** Returns the records that follow from INPUT: from stdin as they arrive, from files as a whole. */
  overInput(request: Request): StepRun<Report>;
  /** Returns the records that follow from a store and do not go back to it. */
  besideStore(request: Request): StepRun<Report> | Promise<StepRun<Report>>;
  /** Brings a store up to date. Returns the new records that are shown elsewhere, up to `most` of each part. */
  intoStore(context: StoreContext, request: Request, most: number): StepRun<Report>;
  /** Makes a store remember the rules of records that INPUT adds to it. Throws a `UsageError` when it has others. */
  keepRules(request: Request): Promise<void>;
};
