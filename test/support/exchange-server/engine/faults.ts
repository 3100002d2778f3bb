import type { Market } from '../market/listing.js';
import type { Topic } from './exchange.js';
import type { HttpFault, ListFault } from './rest-faults.js';

type ListScript = { readonly fault: ListFault; left: number };

type HttpScript = { readonly fault: HttpFault; readonly path: RegExp; left: number };

/** Changes the rows of an answer. */
export type RowEdit = (rows: readonly unknown[]) => readonly unknown[];

/** How the next connects fail: an HTTP status, or a socket that is cut. */
type ConnectFault = 'cut' | number;

/** Things a client must survive: rotated through by `garbage`. */
export const GARBAGE: readonly (string | Buffer)[] = [
  'not json at all',
  '{"action":"update","arg":{"instType":"USDT-FUTURES","chan',
  '',
  'null',
  '[]',
  '{"event":"bulletin","text":"maintenance"}',
  '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":"soon","p":"-","v":"NaN"}]}',
  '{"action":"update","arg":{"instType":"USDT-FUTURES","channel":"trade","instId":"BTCUSDT"},"data":[{"price":"-"}],"ts":1}',
  Buffer.from([0xff, 0xfe, 0x00, 0x81]),
];

/**
 * Faults that a test scripts. Counts are used up; the others last until they are taken back. None of them touches the
 * market: what clients miss or get twice happened exactly once.
 */
export class Faults {
  #connects: ConnectFault[] = [];
  #http: HttpScript[] = [];
  #lists: ListScript[] = [];
  #batches = 0;
  #late: { readonly milliseconds: number; left: number } | undefined;
  #dropAfter: number[] = [];
  #edits: { readonly path: RegExp; readonly edit: RowEdit }[] = [];
  readonly #refused = new Set<string>();
  readonly #silent = new Set<string>();

  /** The next `times` connects fail. */
  refuseConnects(times: number, how: ConnectFault = 'cut'): void {
    this.#connects.push(...Array.from({ length: times }, () => how));
  }

  /** The next connections are cut, the first after `frames[0]` data frames, and so on. */
  dropAfter(...frames: number[]): void {
    this.#dropAfter.push(...frames);
  }

  /** The next `times` subscribe messages are refused whole. */
  rejectBatches(times = 1): void {
    this.#batches += times;
  }

  /** The answers to the next `times` subscribe messages arrive late, after data of their topics. */
  delayAnswers(milliseconds: number, times = 1): void {
    this.#late = { milliseconds, left: times };
  }

  /** Every subscription of a listed symbol is refused, until `acceptSymbol`. */
  refuseSymbol(market: Market, symbol: string): void {
    this.#refused.add(`${market} ${symbol}`);
  }

  acceptSymbol(market: Market, symbol: string): void {
    this.#refused.delete(`${market} ${symbol}`);
  }

  /** A symbol's subscriptions are confirmed and stay without data, until `unsilence`. `channel` narrows it to one. */
  silence(market: Market, symbol: string, channel = '*'): void {
    this.#silent.add(`${market} ${symbol} ${channel}`);
  }

  unsilence(market: Market, symbol: string, channel = '*'): void {
    this.#silent.delete(`${market} ${symbol} ${channel}`);
  }

  /** The next `times` requests whose path and query match fail. */
  http(fault: HttpFault, { times = 1, path = /./ }: { times?: number; path?: RegExp } = {}): void {
    this.#http.push({ fault, path, left: times });
  }

  /** Lists of the matching requests lag, are cut short or count their range otherwise. */
  list(fault: ListFault): void {
    this.#lists.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  /** Lists are right again. */
  restoreLists(): void {
    this.#lists = [];
  }

  /** Changes the rows of every answer whose path matches, until it is taken back: lists that shrink or hold unreadable rows. */
  editRows(path: RegExp, edit: RowEdit): void {
    this.#edits.push({ path, edit });
  }

  /** Rows are right again. */
  restoreRows(): void {
    this.#edits = [];
  }

  /** Takes back everything that was scripted and has not happened yet, and what lasts. */
  clear(): void {
    this.#connects = [];
    this.#http = [];
    this.#lists = [];
    this.#edits = [];
    this.#batches = 0;
    this.#late = undefined;
    this.#dropAfter = [];
    this.#refused.clear();
    this.#silent.clear();
  }

  takeConnect(): ConnectFault | undefined {
    return this.#connects.shift();
  }

  takeDropAfter(): number | undefined {
    return this.#dropAfter.shift();
  }

  takeBatch(): boolean {
    if (this.#batches === 0) return false;
    this.#batches -= 1;
    return true;
  }

  /** Returns by how many milliseconds the answer to a subscribe message is late. */
  takeDelay(): number {
    if (!this.#late || this.#late.left === 0) return 0;
    this.#late.left -= 1;
    return this.#late.milliseconds;
  }

  takeHttp(url: string): HttpFault | undefined {
    const script = this.#http.find(({ left, path }) => left > 0 && path.test(url));
    if (script) script.left -= 1;
    return script?.fault;
  }

  takeList(url: string): ListFault | undefined {
    const script = this.#lists.find(({ fault, left }) => left > 0 && fault.path.test(url));
    if (script) script.left -= 1;
    return script?.fault;
  }

  /** Returns the result of a route with its rows changed: a list, or the `list` in it. */
  edited(path: string, result: unknown): unknown {
    const edit = this.#edits.find((one) => one.path.test(path))?.edit;
    if (!edit) return result;
    if (Array.isArray(result)) return edit(result);
    const { list } = result as { list?: unknown };
    return Array.isArray(list) ? { ...(result as object), list: edit(list) } : result;
  }

  refuses(market: string, symbol: string): boolean {
    return this.#refused.has(`${market} ${symbol}`);
  }

  isSilent({ market, symbol, channel }: Topic): boolean {
    if (this.#silent.size === 0) return false;
    return this.#silent.has(`${market} ${symbol} *`) || this.#silent.has(`${market} ${symbol} ${channel}`);
  }
}
