import type { Market } from '../model/records.js';
import { SECOND } from '../model/time.js';
import type { FeedEvent } from './exchange.js';
import type { PolledRecord, PolledType } from './polling.js';

/** A derivative field that stays the same is repeated this often while its feed lives, so that constant differs from dead. */
const CONFIRM_EVERY = 5 * SECOND;

/** Ticker fields of any exchange, by our names: undefined where a frame does not mention one, null where it empties one. */
export type TickerFields = {
  readonly last?: number | null | undefined;
  readonly bid?: number | null | undefined;
  readonly bidAmount?: number | null | undefined;
  readonly ask?: number | null | undefined;
  readonly askAmount?: number | null | undefined;
  readonly volume24h?: number | null | undefined;
  readonly turnover24h?: number | null | undefined;
  readonly mark?: number | null | undefined;
  readonly index?: number | null | undefined;
  readonly openInterest?: number | null | undefined;
  readonly openInterestBothSides?: number | null | undefined;
  readonly fundingRate?: number | null | undefined;
  readonly nextFundingTimestamp?: number | null | undefined;
  readonly fundingIntervalHours?: number | null | undefined;
};

export type TickerFrame = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly timestamp: number;
  /** A snapshot forgets what was known of the symbol, a delta changes what it mentions. */
  readonly action: 'snapshot' | 'delta';
  readonly fields: TickerFields;
};

const TICKER_FIELDS = ['last', 'bid', 'bidAmount', 'ask', 'askAmount', 'volume24h', 'turnover24h'] as const;
const DERIVED = [
  { type: 'mark_price', fields: ['mark', 'index'] },
  { type: 'open_interest', fields: ['openInterest', 'openInterestBothSides'] },
  { type: 'funding', fields: ['fundingRate', 'nextFundingTimestamp', 'fundingIntervalHours'] },
] as const;

type Merged = { -readonly [Name in keyof TickerFields]: number | undefined };
type State = { merged: Merged; emitted: Map<PolledType, { values: string; at: number }> };

/**
 * Turns ticker frames of one connection into records: `ticker` for every frame that mentions one of its fields,
 * `mark_price`, `open_interest` and `funding` when they change, and confirmed every 5 s.
 */
export class TickerFanOut {
  readonly #states = new Map<string, State>();

  /** Returns the records of a frame that arrived `at`. */
  apply(frame: TickerFrame, at: number): FeedEvent[] {
    const state = this.#stateOf(frame);
    const events: FeedEvent[] = [];
    if (merge(state.merged, frame.fields)) events.push(tickerOf(frame, state.merged));
    for (const { type, fields } of DERIVED) {
      const values = fields.map((field) => state.merged[field]).join();
      const last = state.emitted.get(type);
      if (last && last.values === values && at - last.at < CONFIRM_EVERY) continue;
      const event = derivedOf(type, frame, state.merged);
      if (!event) continue;
      state.emitted.set(type, { values, at });
      events.push(event);
    }
    return events;
  }

  #stateOf(frame: TickerFrame): State {
    const key = `${frame.market} ${frame.symbol}`;
    const state = this.#states.get(key) ?? { merged: {}, emitted: new Map() };
    this.#states.set(key, state);
    if (frame.action === 'snapshot') state.merged = {};
    return state;
  }
}

/** Returns the records of these types that a whole state holds, by the same rules. */
export function stateRecords(state: TickerFrame, types: readonly PolledType[]): PolledRecord[] {
  const merged: Merged = {};
  merge(merged, state.fields);
  return types.flatMap((type) => derivedOf(type, state, merged) ?? []);
}

/** Copies what the frame mentions; returns whether it mentions a field of `ticker`. */
function merge(merged: Merged, fields: TickerFields): boolean {
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) merged[name as keyof TickerFields] = value ?? undefined;
  }
  return TICKER_FIELDS.some((name) => fields[name] !== undefined);
}

function identityOf({ exchange, market, symbol, timestamp }: TickerFrame) {
  return { exchange, market, symbol, timestamp };
}

/** An amount without a best price has no meaning. */
function tickerOf(frame: TickerFrame, state: Merged): FeedEvent {
  const { last, bid, ask, volume24h, turnover24h } = state;
  const bidAmount = bid === undefined ? undefined : state.bidAmount;
  const askAmount = ask === undefined ? undefined : state.askAmount;
  return { type: 'ticker', ...identityOf(frame), last, bid, bidAmount, ask, askAmount, volume24h, turnover24h };
}

function derivedOf(type: PolledType, frame: TickerFrame, state: Merged): PolledRecord | undefined {
  const identity = identityOf(frame);
  if (type === 'mark_price')
    return state.mark === undefined ? undefined : { type, ...identity, mark: state.mark, index: state.index };
  if (type === 'open_interest') {
    const { openInterest: amount, openInterestBothSides: amountBothSides } = state;
    return amount === undefined && amountBothSides === undefined ? undefined : { type, ...identity, amount, amountBothSides };
  }
  if (state.fundingRate === undefined) return undefined;
  const { fundingRate: rate, nextFundingTimestamp, fundingIntervalHours: intervalHours } = state;
  return { type, ...identity, rate, nextFundingTimestamp, intervalHours };
}
