import type { Commit, FillRow, IntentRow, OutboxRow } from '../messages.js';
import type { OwnOrder, RunConfig, RunState, StopMode } from '../state.js';

/** What another process wants of a run. */
export type RunCommand = { readonly id: number; readonly mode: StopMode };

/** Whether a run is alive, and what its process last said of itself. */
export type Heartbeat = { readonly at: number; readonly pid: number; readonly facts: Readonly<Record<string, unknown>> };

/**
 * The journal of a run: what was meant before it was sent, and everything that followed. A commit is durable when it returns;
 * it throws a `FailureError` when it is not, and then nothing of it may be acted on.
 */
export interface RunStore {
  readonly config: RunConfig;
  readonly state: RunState | undefined;
  commit(commit: Commit): void;
  /** Replaces the configuration; only of a run that is flat. */
  configure(config: RunConfig): void;
  heartbeat(facts: Readonly<Record<string, unknown>>): void;
  readonly lastHeartbeat: Heartbeat | undefined;
  /** Leaves a command for the process that runs. */
  order(mode: StopMode): void;
  /** Returns the oldest command that was not taken, and takes it. */
  takeCommand(): RunCommand | undefined;
  /** Records after a number, oldest first. */
  outbox(after: number, most: number): readonly OutboxRow[];
  /** The number of the last record that a sink has taken, -1 before the first. */
  cursor(sink: string): number;
  /** Moves a cursor; records that every sink has taken are dropped some time later. */
  advance(sink: string, seq: number): void;
  /** Returns the bytes that are free for it, undefined where nobody can say. */
  freeSpace?(): Promise<number | undefined>;
  intents(): readonly IntentRow[];
  orders(): readonly OwnOrder[];
  fills(): readonly FillRow[];
  close(): void;
}

/** Records that are kept after every sink has them, for `grid status`. */
export const KEPT_RECORDS = 1_000;
