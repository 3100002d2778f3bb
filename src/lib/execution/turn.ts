import type { PrivateFill } from '../exchanges/private-side.js';
import type { EventRecord } from '../model/records.js';
import { spokenDuration } from '../model/time.js';
import type { Commit, FillRow, IntentRow, OutboxRecord, OutboxRow, StepResult, Wire } from './messages.js';
import { closingSide, positionModeOf, separateSide } from './sides.js';
import type { OwnOrder, RunConfig, RunState } from './state.js';

/** One step in the making: a copy of the state that may be changed, and what belongs to its transaction. */
export class Turn {
  readonly state: RunState;
  readonly config: RunConfig;
  readonly at: number;
  /** Milliseconds of the exchange's clock. */
  readonly time: number;
  wire: Wire | undefined;
  readonly #intents: IntentRow[] = [];
  readonly #orders = new Map<string, OwnOrder>();
  readonly #fills: FillRow[] = [];
  readonly #outbox: OutboxRow[] = [];
  #isDirty = false;

  constructor(state: RunState, config: RunConfig, { at, time }: { readonly at: number; readonly time: number }) {
    this.state = copyOf(state);
    this.config = config;
    this.at = at;
    this.time = time;
  }

  /** Says that something changed which must outlive the process. */
  touch(): void {
    this.#isDirty = true;
  }

  intent(row: IntentRow): void {
    this.#intents.push(row);
    this.#isDirty = true;
  }

  /** Writes the order as it is now. */
  changed(order: OwnOrder): void {
    this.#orders.set(order.clientId, order);
    this.#isDirty = true;
    this.#put({
      type: 'order',
      ...this.#owner(),
      clientId: order.clientId,
      orderId: order.orderId,
      role: order.role,
      side: order.side,
      positionSide: separateSide(this.config),
      kind: order.kind,
      reduceOnly: order.reduces,
      price: numberOf(order.actualPrice ?? order.price),
      amount: Number(order.amount),
      filled: Number(order.fillSum),
      status: order.state === 'unknown' ? 'unknown' : order.state === 'rejected' ? 'rejected' : order.status,
      reason: order.reason,
    });
  }

  fill(fill: PrivateFill, order: OwnOrder | undefined, realised: number | undefined, isStop = false): void {
    const { market, tradeId, orderId, price, amount, fees, cause, timestamp } = fill;
    const side = order?.side ?? fill.side ?? closingSide(this.config);
    const clientId = order?.clientId ?? (isStop ? fill.clientId : undefined);
    this.#fills.push({ market, tradeId, orderId, clientId, side, price, amount, fees, cause, timestamp });
    this.#isDirty = true;
    const [fee] = fees;
    this.#put({
      type: 'fill',
      ...this.#owner(),
      timestamp,
      orderId,
      side,
      positionSide: separateSide(this.config),
      price: Number(price),
      amount: Number(amount),
      fee: fees.length === 1 ? numberOf(fee?.amount) : undefined,
      feeAsset: fees.length === 1 ? fee?.asset : undefined,
      fees: fees.length > 1 ? Object.fromEntries(fees.map((one) => [one.asset, Number(one.amount)])) : undefined,
      liquidity: fill.liquidity,
      reason: isStop ? 'stop' : order === undefined ? undefined : order.role === 'close' ? 'exit' : order.role,
      realizedPnl: realised,
      tradeId,
      clientId,
      cause,
    });
  }

  position(): void {
    const { position } = this.state;
    if (position === undefined) return;
    this.#isDirty = true;
    this.#put({
      type: 'position',
      ...this.#owner(),
      positionSide: position.side,
      amount: Number(position.amount),
      average: numberOf(position.average),
      mark: numberOf(position.mark),
      leverage: numberOf(position.leverage),
      marginMode: position.marginMode,
      liquidation: numberOf(position.liquidation),
      positionMode: positionModeOf(this.config),
    });
  }

  event(
    severity: EventRecord['severity'],
    kind: string,
    message: string,
    more: Pick<EventRecord, 'clientId' | 'code' | 'data'> = {},
  ): void {
    this.#isDirty = true;
    const { cycle, seq } = this.state;
    this.#put({ type: 'event', ...this.#owner(), seq, severity, kind, message, cycle, ...more });
  }

  /** An alarm that is raised once, until it is cleared. */
  alarm(kind: string, message: string, severity: EventRecord['severity'] = 'alarm'): void {
    if (this.state.alarms[kind] !== undefined) return;
    this.state.alarms[kind] = this.time;
    this.event(severity, kind, message);
  }

  clear(kind: string): void {
    const since = this.state.alarms[kind];
    if (since === undefined) return;
    delete this.state.alarms[kind];
    const lasted = spokenDuration(Math.max(0, this.time - since) / 1_000);
    this.event('routine', 'cleared', `${kind} cleared after ${lasted}`, { data: { kind } });
  }

  /** Stops placing for good: what rests stays unless `onHalt` says otherwise, and the process leaves. */
  halt(kind: string, message: string, isRefusal = false): void {
    const { state, config } = this;
    if (state.halt) return;
    state.halt = { kind, message, ...(isRefusal && { isRefusal }) };
    // In the other position mode an order that should close may open.
    const mode = kind === 'position_mode' && config.onHalt === 'close' ? 'cancel' : config.onHalt;
    state.ending = { mode: isRefusal ? 'keep' : mode, code: 4, since: this.at };
    state.alarms[kind] ??= this.time;
    this.event('alarm', kind, message);
  }

  result(): StepResult {
    const commit: Commit | undefined = this.#isDirty
      ? {
          state: this.state,
          intents: this.#intents,
          orders: [...this.#orders.values()],
          fills: this.#fills,
          outbox: this.#outbox,
        }
      : undefined;
    return { state: this.state, commit, wire: this.wire };
  }

  #owner() {
    const { exchange, market, symbol, name, mode, account } = this.config;
    // Ten thousand records may be written within one millisecond before two have the same time.
    const timestamp = Math.round(this.time * 1_000);
    return { exchange, market, symbol, timestamp, localTimestamp: timestamp, run: name, mode, account };
  }

  #put(record: OutboxRecord): void {
    this.#outbox.push({ seq: this.state.seq, record });
    this.state.seq += 1;
  }
}

/** Copies plain data. A step is made several times a second, and `structuredClone` would take most of it. */
function copyOf<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as Value;
  const copy = { ...value };
  for (const key in copy) if (typeof copy[key] === 'object') copy[key] = copyOf(copy[key]);
  return copy;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
