import type {
  DecimalText,
  Fee,
  OrderIntent,
  OrderName,
  Outcome,
  PrivateFill,
  PrivateFunding,
  PrivateOrder,
  PrivatePosition,
  PrivateStop,
  StopIntent,
  WriteResult,
} from '../exchanges/private-side.js';
import type { EventRecord, Fill, Order, Position, Side } from '../model/records.js';
import type { Role } from './client-id.js';
import type { InstrumentRules, OwnOrder, ReadKind, RunState, StopMode } from './state.js';

/** An order that the state calls for and that has no id yet. */
export type OrderDraft = {
  readonly role: Role;
  readonly number: number;
  readonly side: Side;
  readonly kind: 'market' | 'limit';
  readonly price?: DecimalText | undefined;
  readonly amount: DecimalText;
  readonly reduces: boolean;
};

/** What may be done now. Nothing of it has left, and it may be left undone. */
export type Action =
  | { readonly kind: 'place'; readonly drafts: readonly OrderDraft[] }
  | { readonly kind: 'cancel'; readonly clientIds: readonly string[] }
  /** Have the exchange hold a stop; take away one at another price. */
  | { readonly kind: 'protect'; readonly price: DecimalText }
  | { readonly kind: 'unprotect'; readonly orderId: string }
  | { readonly kind: 'lookup'; readonly clientId: string }
  /** `since`, microseconds, is for fills and funding. */
  | { readonly kind: 'read'; readonly what: ReadKind; readonly since?: number | undefined }
  /** Read the last price and the rules of the symbol anew. */
  | { readonly kind: 'plan' }
  | { readonly kind: 'clock' };

/** What may be sent: its rows are in the commit of the same step. */
export type Wire =
  | { readonly kind: 'place'; readonly orders: readonly OrderIntent[]; readonly timestamp: number }
  | {
      readonly kind: 'cancel';
      readonly orders: readonly (OrderName & { readonly clientId: string })[];
      readonly timestamp: number;
    }
  | { readonly kind: 'protect'; readonly stop: StopIntent; readonly timestamp: number }
  | { readonly kind: 'unprotect'; readonly stop: OrderName; readonly timestamp: number };

/** The wire of an action that writes. */
export type WireOf<Kind extends Wire['kind']> = Extract<Wire, { readonly kind: Kind }>;

/** What one way to look an order up has answered; `answered` is false where it failed, which is no answer. */
export type LookupAnswer = {
  readonly answered: boolean;
  /** When the exchange answered, microseconds of its clock. */
  readonly time?: number | undefined;
  readonly order?: PrivateOrder | undefined;
  readonly fills?: readonly PrivateFill[] | undefined;
};

/** Margin that other runs of the process bind, and what all of them together may. */
export type OtherRuns = { readonly margin: DecimalText; readonly limit: DecimalText };

/** Something that happened. `at`: monotonic milliseconds; `time`: milliseconds of the exchange's clock. */
export type Input = { readonly at: number; readonly time: number } & (
  | {
      readonly kind: 'started';
      readonly code: string;
      readonly resume: boolean;
      readonly noNewCycle?: string | undefined;
      readonly stop?: StopMode | undefined;
      /** When the key expires, microseconds. */
      readonly keyExpires?: number | undefined;
      /** Milliseconds by which the exchange's clock is ahead of the host's. */
      readonly offset?: number | undefined;
    }
  /** Pushes may have been lost, or the host slept. */
  | { readonly kind: 'interrupted'; readonly reason: string }
  | {
      readonly kind: 'push';
      readonly orders: readonly PrivateOrder[];
      readonly fills: readonly PrivateFill[];
      readonly positions: readonly PrivatePosition[];
    }
  /** An action that only asks has been begun. */
  | { readonly kind: 'asked'; readonly action: Action }
  | {
      readonly kind: 'read';
      readonly what: ReadKind;
      readonly asked: number;
      readonly orders?: readonly PrivateOrder[] | undefined;
      readonly fills?: readonly PrivateFill[] | undefined;
      /** Every row of the symbol: in hedge mode one a side. */
      readonly positions?: readonly PrivatePosition[] | undefined;
      readonly stops?: readonly PrivateStop[] | undefined;
      readonly fundings?: readonly PrivateFunding[] | undefined;
    }
  | { readonly kind: 'failed'; readonly action: Action; readonly outcome: Outcome }
  | { readonly kind: 'looked'; readonly clientId: string; readonly answers: readonly LookupAnswer[] }
  | {
      readonly kind: 'planned';
      readonly price?: DecimalText | undefined;
      readonly rules?: InstrumentRules | undefined;
      /** Why no cycle may begin. */
      readonly refusal?: string | undefined;
    }
  /** An action that writes is about to leave; the step says what of it still may. */
  | { readonly kind: 'send'; readonly action: Action; readonly others?: OtherRuns | undefined }
  | {
      readonly kind: 'sent';
      readonly what: Wire['kind'];
      readonly clientIds: readonly string[];
      readonly results: readonly WriteResult[];
    }
  | { readonly kind: 'clock'; readonly offset?: number | undefined }
  /** Bytes that are free where the journal is. */
  | { readonly kind: 'space'; readonly free: number }
  | { readonly kind: 'stop'; readonly mode: StopMode }
  /** A limit over several runs was reached. */
  | { readonly kind: 'halt'; readonly what: string; readonly message: string }
  /** The symbol was closed past the journal (`grid stop --kill`). */
  | { readonly kind: 'killed' }
  | { readonly kind: 'tick' }
);

/** An intent as the journal keeps it; a write without such a row is never sent. */
export type IntentRow = {
  readonly clientId: string;
  readonly cycle: number;
  readonly role: Role;
  readonly number: number;
  readonly attempt: number;
  readonly request: OrderDraft;
  /** Signed timestamp, ms of the exchange. */
  readonly sent: number;
};

export type FillRow = {
  readonly market: string;
  readonly tradeId: string;
  readonly clientId?: string | undefined;
  readonly orderId: string;
  readonly side: Side;
  readonly price: DecimalText;
  readonly amount: DecimalText;
  readonly fees: readonly Fee[];
  readonly cause: string;
  /** Microseconds. */
  readonly timestamp: number;
};

export type OutboxRecord = EventRecord | Fill | Order | Position;

export type OutboxRow = { readonly seq: number; readonly record: OutboxRecord };

/** One transaction: a change and everything that follows from it. */
export type Commit = {
  readonly state: RunState;
  readonly intents: readonly IntentRow[];
  readonly orders: readonly OwnOrder[];
  readonly fills: readonly FillRow[];
  readonly outbox: readonly OutboxRow[];
};

/** What a step leads to. Without `commit` nothing changed that must outlive the process. */
export type StepResult = {
  readonly state: RunState;
  readonly commit?: Commit | undefined;
  readonly wire?: Wire | undefined;
};
