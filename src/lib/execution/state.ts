import type { GridSnapshot } from '../backtest/strategies/grid.js';
import type { GridSettings } from '../backtest/strategies/grid-planner.js';
import type { DecimalText, PrivateStop } from '../exchanges/private-side.js';
import type { Market, Mode, OrderStatus, PositionSide, Side } from '../model/records.js';
import type { Role } from './client-id.js';

/** What orders of the symbol must fit, as decimal text; absent is not checked. */
export type InstrumentRules = {
  readonly tick: DecimalText;
  readonly lot: DecimalText;
  readonly minAmount?: DecimalText | undefined;
  readonly maxAmount?: DecimalText | undefined;
  readonly minNotional?: DecimalText | undefined;
};

export type OnHalt = 'keep' | 'cancel' | 'close';

/** Limits that hold whatever the strategy wants. Amounts are quote units. */
export type SafetyLimits = {
  readonly maxDeposit: DecimalText;
  readonly maxLoss?: DecimalText | undefined;
  readonly maxOrders: number;
  readonly maxCycles?: number | undefined;
  readonly maxCyclesPerHour: number;
  /** Fraction of the deposit at which the run halts; the alarm is at 20 %. */
  readonly maxDrawdown?: DecimalText | undefined;
};

/** Everything that a run is started with, fixed until it is configured anew while flat. Numbers of money are decimal text. */
export type RunConfig = {
  readonly name: string;
  /** Six characters that its client ids begin with. */
  readonly id: string;
  /** The flags that it was made with, as they were written. */
  readonly given: Readonly<Record<string, string>>;
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly settle: string;
  readonly mode: Mode;
  readonly account: string;
  /** The exchange's user id; orders of another account are never touched. Absent on paper. */
  readonly userId?: string | undefined;
  readonly family?: string | undefined;
  readonly side: PositionSide;
  /** The position mode of the account that it trades on; absent on runs of an earlier version, which are one-way. */
  readonly positionMode?: 'one_way' | 'hedge' | undefined;
  readonly marginMode: 'isolated' | 'cross';
  readonly leverage: DecimalText;
  readonly settings: GridSettings;
  readonly deposit: DecimalText;
  /** Whether the next cycle has the profit of those before in its deposit. */
  readonly compounds: boolean;
  /** Milliseconds from the end of a cycle to the next. */
  readonly restart: number;
  readonly limits: SafetyLimits;
  readonly onHalt: OnHalt;
  /** A stop that the exchange holds for the whole position: at a price, or at a fraction of the price a cycle starts at. */
  readonly exchangeStop?: { readonly price?: DecimalText | undefined; readonly share?: DecimalText | undefined } | undefined;
  /** Milliseconds after its timestamp in which the exchange accepts a request. */
  readonly window: number;
  /** Orders of one batch. */
  readonly batch: number;
};

/** `sent`: on the wire. `unknown`: what became of it must be looked up. `absent`: proven not to be there. */
export type PlaceState = 'sent' | 'unknown' | 'accepted' | 'rejected' | 'absent' | 'vanished';

export type Cancel = { state: 'sent' | 'accepted' | 'unknown'; at: number; tries: number };

/** A proof of absence in the making: rounds in which every list has answered that the order is not there. Times are monotonic. */
export type Search = { rounds: number; last: number; next: number; isAsked: boolean };

/** One order of ours. Times named `at` are milliseconds of the monotonic clock; `sent` is the signed timestamp, ms of the exchange. */
export type OwnOrder = {
  readonly clientId: string;
  readonly cycle: number;
  readonly role: Role;
  readonly number: number;
  readonly attempt: number;
  readonly side: Side;
  readonly kind: 'market' | 'limit';
  /** The price that was asked for; the exchange may have moved it. */
  readonly price?: DecimalText | undefined;
  actualPrice?: DecimalText | undefined;
  amount: DecimalText;
  readonly reduces: boolean;
  readonly sent: number;
  state: PlaceState;
  status: OrderStatus;
  orderId?: string | undefined;
  /** What the exchange says has filled; it never goes down. */
  filled: DecimalText;
  /** Σ of its fills: what counts. */
  fillSum: DecimalText;
  /** Σ price × amount of its fills; absent on an order that an older version has begun to fill. */
  fillValue?: DecimalText | undefined;
  at: number;
  heardAt: number;
  /** When its end was learned. */
  endedAt?: number | undefined;
  /** Whether the fills were read after its end. */
  isProven?: boolean | undefined;
  cancel?: Cancel | undefined;
  search?: Search | undefined;
  reason?: string | undefined;
  /** Whether the exchange cut its amount. */
  isCut?: boolean | undefined;
};

/** What the strategy wants to rest. */
export type Wanted = {
  entry: boolean;
  /** Levels from 1. */
  levels: number[];
  takeProfit?: DecimalText | undefined;
};

export type PlannedLevel = { readonly price: DecimalText; readonly amount: DecimalText };

/** The ladder of a cycle: level 0 is the entry. */
export type CyclePlan = {
  readonly price: DecimalText;
  readonly deposit: DecimalText;
  readonly levels: readonly PlannedLevel[];
  /** What it was planned to fit; the exchange may change that under it. */
  readonly rules?: InstrumentRules | undefined;
  /** Monotonic. */
  readonly at: number;
};

export type ReadKind = 'open' | 'position' | 'fills' | 'funding' | 'stops';
/** `asked`: when the read that runs was asked for. `answered` and `got`: when the last one was asked for, and arrived. */
export type ReadState = { asked?: number | undefined; answered: number; got: number; due: number };

export type Deferred = { readonly until: number; readonly cause: string; readonly message: string };

export type PositionView = {
  readonly amount: DecimalText;
  readonly side?: PositionSide | undefined;
  readonly average?: DecimalText | undefined;
  readonly mark?: DecimalText | undefined;
  readonly leverage?: DecimalText | undefined;
  readonly marginMode?: 'isolated' | 'cross' | undefined;
  readonly liquidation?: DecimalText | undefined;
};

export type StopMode = 'keep' | 'levels' | 'cancel' | 'close';

/** Why and how the run ends; `since` is monotonic. */
export type Ending = { readonly mode: StopMode; readonly code: 0 | 4 | 5; readonly since: number };

/** A refusal is over at the next start; everything else wants `--resume`. */
export type Halt = { readonly kind: string; readonly message: string; readonly isRefusal?: boolean | undefined };

/** Where a run stands; it follows from the rest of the state. */
export type Phase =
  | 'reconciling'
  | 'idle'
  | 'entering'
  | 'looking'
  | 'working'
  | 'cleaning'
  | 'restart'
  | 'ending'
  | 'stopped'
  | 'halted';

/** The stop that the exchange holds, as far as is known. Times are monotonic. */
export type StopState = {
  shown: readonly PrivateStop[];
  /** Ids of stops that were seen: one that is triggered keeps its id. */
  ids: string[];
  /** When one was sent last, and when the next one may be. */
  at: number;
  next: number;
  number: number;
  sends: number[];
  refusals: number;
  missingSince?: number | undefined;
};

/** Money of a run since its start, decimal text. */
export type Books = {
  realised: DecimalText;
  /** By asset. */
  fees: Record<string, DecimalText>;
  funding: DecimalText;
  /** Σ price × amount of all fills. */
  turnover: DecimalText;
  fills: number;
  cycles: number;
  /** Profit of each of the last cycles, quote units, before fees. */
  profits: number[];
  placed: number;
  filledOrders: number;
  /** Fills of which the exchange does not say the fee in a coin that it names. */
  unknownFees: number;
  rejected: number;
  /** Highest realised + unrealised so far, and the deepest fall below it. */
  peak: DecimalText;
  drawdown: DecimalText;
};

/** Everything that decides what a run does next, as plain data. */
export type RunState = {
  readonly version: 1;
  phase: Phase;
  cycle: number;
  /** Codes of all starts of this database, the current one last. */
  starts: string[];
  orders: OwnOrder[];
  wanted: Wanted;
  plan?: CyclePlan | undefined;
  rules: InstrumentRules;
  strategy?: GridSnapshot | undefined;
  /** When the strategy wants to begin the next cycle: the ladder is then clean for `restart`. */
  hasEnded: boolean;
  cleanAt?: number | undefined;
  /** Whether position and orders were compared with the plan after the entry. */
  hasLooked: boolean;
  held: DecimalText;
  cost: DecimalText;
  /** Fills of this cycle and the one before, by market and trade id. */
  fills: string[];
  lastFill: number;
  /** Exchange time from which fills are asked for, microseconds. */
  since: number;
  reads: Record<ReadKind, ReadState>;
  /** Exchange time of the last answer about funding, microseconds. */
  fundedUntil: number;
  /** Ids of payments of funding that are booked. */
  fundings: string[];
  /** Times from and to which something was held, microseconds; the last one is open as long as it is. */
  heldSpans: { from: number; until?: number | undefined }[];
  /** Since when what rests and what is held must be read before anything is placed. */
  reconciles?: number | undefined;
  /** When orders and fills had been read since then: the position must be asked for after that. */
  listsRead?: number | undefined;
  position?: PositionView | undefined;
  /** In hedge mode: what somebody else holds on the other side of the symbol, as text for people; undefined while nothing. */
  other?: string | undefined;
  /** Times from and to which the other side may have been held, microseconds; the last one is open as long as it is. */
  otherSpans?: { from: number; until?: number | undefined }[] | undefined;
  /** Exchange time of the last read that showed nothing on the other side, microseconds. */
  aloneAt?: number | undefined;
  mismatch?: { count: number; since: number } | undefined;
  /** An own order ended without our doing: two reads decide why. */
  puzzle?: { readonly clientId: string; readonly at: number } | undefined;
  deferred: Record<string, Deferred>;
  /** Times of placements by role without a fill between. */
  places: Record<string, number[]>;
  emptyEntries: number[];
  /** Entries of the current number of a cycle that were refused: an id is never used twice. */
  refusedEntries: number;
  cycleStarts: number[];
  vanished: number;
  /** A role was filled twice: no further level in this cycle. */
  noLevels: boolean;
  isShort: boolean;
  /** Conditions that were reported and have not cleared, with the exchange's time of the report (ms); over restarts, too. */
  alarms: Record<string, number>;
  unprotectedSince?: number | undefined;
  /** Since when a fill is known that no push has brought. */
  unpushedSince?: number | undefined;
  /** Whether this process has ever got a push. */
  hasPushes: boolean;
  /** When something could be read last, and when everything that should rest did; monotonic. */
  stall?: { read: number; met: number } | undefined;
  /** When requests were refused for their number within the last minute; monotonic. */
  throttledAt?: number[] | undefined;
  /** When the key expires, microseconds. */
  keyExpires?: number | undefined;
  /** The halt of the process before, until this one has reconciled. */
  halted?: string | undefined;
  /** When the clock is measured again; monotonic. */
  clockDue?: number | undefined;
  /** Outcomes in a row that nobody knows. */
  unknowns: number;
  /** Refusals in a row for too many requests. */
  throttles: number;
  pausedUntil: number;
  /** Whether the clock must be measured before the next write. */
  needsClock: boolean;
  foreign: string[];
  noNewCycle?: string | undefined;
  stop: StopState;
  halt?: Halt | undefined;
  ending?: Ending | undefined;
  /** The exit code of the process: nothing more is done. */
  finished?: number | undefined;
  /** Whether the process has not reconciled since it started: what is not ours is then a reason not to begin. */
  isStarting: boolean;
  /** Started to go on after a halt. */
  isResuming: boolean;
  isPlanAsked: boolean;
  /** When what orders must fit, and whether the symbol trades, is read again; monotonic. */
  termsDue: number;
  books: Books;
  /** Number of the next record in the outbox. */
  seq: number;
  /** Number of the next take profit. */
  generation: number;
  closes: number;
  nextPlan: number;
  lastBatch: number;
  lastTakeProfit: number;
};

const ZERO = '0';

function noBooks(): Books {
  const zeros = { realised: ZERO, funding: ZERO, turnover: ZERO, peak: ZERO, drawdown: ZERO };
  return { ...zeros, fees: {}, fills: 0, cycles: 0, profits: [], placed: 0, filledOrders: 0, unknownFees: 0, rejected: 0 };
}

const COUNTERS = {
  ...{ seq: 0, generation: 0, closes: 0, nextPlan: 0, termsDue: 0, lastBatch: 0, lastTakeProfit: 0 },
  ...{ refusedEntries: 0, vanished: 0, unknowns: 0, throttles: 0, pausedUntil: 0 },
};

/** Returns the state of a run that has done nothing yet. */
export function initialState(rules: InstrumentRules, time: number): RunState {
  const read = (): ReadState => ({ answered: -1, got: -1, due: 0 });
  const reads = { open: read(), position: read(), fills: read(), funding: read(), stops: read() };
  return {
    version: 1,
    phase: 'reconciling',
    cycle: 0,
    starts: [],
    orders: [],
    wanted: { entry: false, levels: [] },
    rules,
    hasEnded: false,
    hasLooked: false,
    held: ZERO,
    cost: ZERO,
    fills: [],
    lastFill: 0,
    since: time,
    reads,
    fundedUntil: time,
    fundings: [],
    heldSpans: [],
    deferred: {},
    places: {},
    emptyEntries: [],
    cycleStarts: [],
    noLevels: false,
    isShort: false,
    alarms: {},
    needsClock: false,
    isStarting: true,
    isResuming: false,
    hasPushes: false,
    isPlanAsked: false,
    foreign: [],
    stop: { shown: [], ids: [], at: -1, next: 0, number: 0, sends: [], refusals: 0 },
    books: noBooks(),
    ...COUNTERS,
  };
}
