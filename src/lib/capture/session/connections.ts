import type { Exchange, FrameReader } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';
import type { WireEvent } from '../../tape/tape.js';
import type { Selection } from '../selection.js';
import { Confirmations } from './confirmations.js';
import type { InstrumentTable } from './instrument-table.js';

/** One connection that is open. */
export type Connection = {
  /** `exchange connection`. */
  readonly id: string;
  readonly exchange: Exchange;
  /** Undefined where its URL is not a public feed. */
  readonly reader: FrameReader | undefined;
  readonly confirmations: Confirmations;
  /** Local time of its last frame. */
  heard: number;
  /** The markets that it delivers. */
  readonly markets: Set<Market>;
};

type Opening = Extract<WireEvent, { kind: 'connect' }>;

/** The open connections of all exchanges, by id and by the name that the wire gives them. */
export class Connections {
  readonly #selection: Selection;
  readonly #instruments: InstrumentTable;
  readonly #byId = new Map<string, Connection>();
  readonly #byName = new Map<Exchange, Map<string, Connection>>();
  /** Markets, `exchange market`, that a connection delivered and none delivers now. */
  readonly #disconnected = new Set<string>();

  constructor(selection: Selection, instruments: InstrumentTable) {
    this.#selection = selection;
    this.#instruments = instruments;
  }

  get(exchange: Exchange, name: string): Connection | undefined {
    return this.#byName.get(exchange)?.get(name);
  }

  find(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  open(exchange: Exchange, { connection: name, url, continued }: Opening, at: number): void {
    // A further part of a recording repeats the connect: the reader keeps its state.
    if (continued && this.get(exchange, name)) return;
    const names = this.#byName.get(exchange) ?? new Map<string, Connection>();
    const confirmations = new Confirmations(exchange, url, (market) => this.#selection.symbolsOfMany(exchange.id, market));
    const connection = {
      id: idOf(exchange, name),
      exchange,
      reader: exchange.createReader(url, this.#instruments.contextOf(exchange)),
      confirmations,
      heard: at,
      markets: new Set<Market>(),
    };
    this.#byName.set(exchange, names.set(name, connection));
    this.#byId.set(connection.id, connection);
  }

  close(exchange: Exchange, name: string): void {
    const closed = this.get(exchange, name);
    this.#byName.get(exchange)?.delete(name);
    this.#byId.delete(idOf(exchange, name));
    const others = [...(this.#byName.get(exchange)?.values() ?? [])];
    for (const market of closed?.markets ?? [])
      if (!others.some(({ markets }) => markets.has(market))) this.#disconnected.add(`${exchange.id} ${market}`);
  }

  /** Registers that a connection delivers a market. Called for every frame of data. */
  delivers({ exchange, markets }: Connection, market: Market): void {
    if (markets.has(market) && this.#disconnected.size === 0) return;
    markets.add(market);
    this.#disconnected.delete(`${exchange.id} ${market}`);
  }

  /** Whether connections delivered a market, `exchange market`, and none does now: its seconds pass unseen. */
  isDisconnected(market: string): boolean {
    return this.#disconnected.has(market);
  }
}

/** Returns the id of a connection among those of all exchanges, opened or not. */
export function idOf({ id }: Exchange, connection: string): string {
  return `${id} ${connection}`;
}
