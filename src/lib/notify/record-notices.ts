import { parseClientId, roleKey } from '../execution/client-id.js';
import type { AnyRecord, Coverage, EventRecord, Gap, Mode, Order, Position, Signal } from '../model/records.js';
import { formatTime, SECOND, spokenDuration } from '../model/time.js';
import { type FillFacts, fillText } from './fill-text.js';
import type { Notice } from './notice.js';

/** Orders whose last status is remembered. */
const REMEMBERED = 5_000;

/** Where a record stands: in an outbox it has a number, in a pipe the reader counts. */
type Place = { readonly source?: string | undefined; readonly seq?: number | undefined };

/** What a record says, without where it stands. */
type Said = Pick<Notice, 'severity' | 'kind' | 'one' | 'many' | 'cause' | 'clears' | 'text'>;

/**
 * Makes notices of records. An order is written each time something of it changes, and is a notice only when its status does. A
 * fill is known before the exchange says where it now liquidates: the text takes that from the position that follows.
 */
export class RecordNotices {
  readonly #orders = new Map<string, string>();
  readonly #numbers = new Map<string, number>();
  /** The last fill of each run, until its position is known. */
  readonly #fills = new Map<string, FillFacts>();
  /** The last position of each run: a push may bring it before the fill. */
  readonly #positions = new Map<string, Pick<Position, 'amount' | 'liquidation'>>();

  /** Returns what a record says to people, undefined where it says nothing. */
  read(record: AnyRecord, place: Place = {}): Notice | undefined {
    const said = this.#said(record);
    if (!said) return undefined;
    const { run } = record as { readonly run?: string | undefined };
    const source = place.source ?? run ?? record.type;
    const seq = place.seq ?? (record.type === 'event' && run !== undefined ? record.seq : this.#count(source));
    const { exchange, symbol, mode } = record as { exchange?: string; symbol?: string; mode?: Mode };
    const where = { source, seq, time: record.timestamp, mode, exchange, symbol, record };
    // The text may be a getter, which a copy would evaluate now.
    return Object.defineProperties(where, Object.getOwnPropertyDescriptors(said)) as Notice;
  }

  #said(record: AnyRecord): Said | undefined {
    switch (record.type) {
      case 'event':
        return record.kind === 'filled' ? this.#ofFill(record) : ofEvent(record);
      case 'order':
        return this.#ofOrder(record);
      case 'position':
        this.#positions.set(String(record.run), record);
        this.#complete(String(record.run));
        return undefined;
      case 'signal':
        return ofSignal(record);
      case 'gap':
        return ofGap(record);
      case 'coverage':
        return ofCoverage(record);
      default:
        return undefined;
    }
  }

  #ofFill(event: EventRecord): Said {
    const facts: FillFacts = { ...(event.data as FillFacts | undefined) };
    const run = String(event.run);
    this.#fills.set(run, facts);
    this.#complete(run);
    return {
      severity: event.severity,
      kind: event.kind,
      one: 'order filled',
      many: 'orders filled',
      get text() {
        return fillText(facts, event.symbol) ?? event.message;
      },
    };
  }

  #complete(run: string): void {
    const facts = this.#fills.get(run);
    const position = this.#positions.get(run);
    // The position of another moment would give a fill a liquidation price that is not its own.
    if (!facts || position === undefined || Number(facts.held) !== position.amount) return;
    this.#fills.delete(run);
    if (position.liquidation !== undefined) facts.liquidation = String(position.liquidation);
  }

  #ofOrder(order: Order): Said | undefined {
    const { clientId, orderId, status, filled, amount, price, side, symbol, reason } = order;
    const id = clientId ?? orderId;
    const isAccepted = status !== 'new' || orderId !== undefined;
    // A filled order is an event of its own, with what it means for the position; an unknown one is a warning.
    if (id === undefined || !isAccepted || status === 'filled' || status === 'unknown') return undefined;
    // That it has begun to fill is known before how much.
    if (status === 'partial' && filled === 0) return undefined;
    const state = status === 'partial' ? `${status} ${filled}` : status;
    if (this.#orders.get(id) === state) return undefined;
    this.#orders.delete(id);
    this.#orders.set(id, state);
    if (this.#orders.size > REMEMBERED) this.#orders.delete(this.#orders.keys().next().value as string);
    const parts = parseClientId(clientId);
    const name = parts ? roleKey(parts).toUpperCase() : 'ORDER';
    const what = `${side} ${status === 'partial' ? `${filled} of ` : ''}${amount}${price === undefined ? '' : ` @ ${price}`}`;
    const verb = { new: 'accepted', partial: 'partly filled', cancelled: 'cancelled', rejected: 'rejected' }[status];
    const text = `${name} ${verb}  ${symbol}  ${what}${reason === undefined ? '' : `  ${reason}`}`;
    return { severity: 'routine', kind: `order_${status}`, text, one: `order ${verb}`, many: `orders ${verb}` };
  }

  #count(source: string): number {
    const next = (this.#numbers.get(source) ?? -1) + 1;
    this.#numbers.set(source, next);
    return next;
  }
}

function ofEvent({ severity, kind, message, symbol, clientId, code, data }: EventRecord): Said {
  const clears = kind === 'cleared' ? ((data as { kind?: string } | undefined)?.kind ?? message.split(' ', 1)[0]) : undefined;
  const text = `${symbol === undefined ? '' : `${symbol}  `}${clears === undefined ? `${kind}: ` : ''}${message}`;
  const words = kind.replaceAll('_', ' ');
  const cause = severity === 'routine' ? undefined : JSON.stringify([clientId ?? '', code ?? '', message]);
  return { severity, kind, text, one: `${words} event`, many: `${words} events`, cause, clears };
}

function ofSignal({ side, symbol, exchange, market, price, stop, takeProfit, id }: Signal): Said {
  const direction = side === 'buy' ? 'long' : 'short';
  const text = `SIGNAL ${direction}  ${symbol}  @ ${price}  stop ${stop}  target ${takeProfit}  ${exchange} ${market}  ${id}`;
  return { severity: 'routine', kind: 'signal', text, one: 'signal', many: 'signals' };
}

/** A gap that was repaired is no news; a pause between two runs was somebody's will. */
function ofGap({ channel, symbol, exchange, market, fromTimestamp, untilTimestamp, reason, repaired, missing }: Gap) {
  if (!missing) return undefined;
  const seconds = (untilTimestamp - fromTimestamp) / SECOND;
  const long = seconds < 1 ? 'less than 1 s' : spokenDuration(seconds);
  const fetched = repaired > 0 ? `, ${repaired} fetched again` : '';
  const text = `gap  ${symbol}  ${channel}, ${exchange} ${market}: ${long} from ${formatTime(fromTimestamp)} (${reason}${fetched}), records are missing`;
  const severity = reason === 'shutdown' ? 'routine' : 'warning';
  return { severity, kind: 'gap', text, one: 'gap', many: 'gaps' } satisfies Said;
}

function ofCoverage({ verdict, channel, symbol, exchange, market, fromTimestamp, untilTimestamp, gaps, duplicates }: Coverage) {
  if (verdict === 'whole') return undefined;
  const counts = `${gaps} gaps, ${duplicates} duplicates`;
  const text = `verify: ${verdict}  ${symbol}  ${channel}, ${exchange} ${market}: ${formatTime(fromTimestamp)} to ${formatTime(untilTimestamp)}, ${counts}`;
  return { severity: 'warning', kind: 'verify', text, one: 'verify finding', many: 'verify findings' } satisfies Said;
}
