import { FailureError } from '../../model/errors.js';
import type { Commit, FillRow, IntentRow, OutboxRow } from '../messages.js';
import type { OwnOrder, RunConfig, RunState, StopMode } from '../state.js';
import { type Heartbeat, KEPT_RECORDS, type RunCommand, type RunStore } from './run-store.js';

/** A journal that ends with its process: for tests and for what must leave no trace. */
export class MemoryRunStore implements RunStore {
  config: RunConfig;
  state: RunState | undefined;
  lastHeartbeat: Heartbeat | undefined;
  readonly #intents = new Map<string, IntentRow>();
  readonly #orders = new Map<string, OwnOrder>();
  readonly #fills = new Map<string, FillRow>();
  readonly #cursors = new Map<string, number>();
  #outbox: OutboxRow[] = [];
  readonly #commands: RunCommand[] = [];
  #taken = 0;

  constructor(config: RunConfig) {
    this.config = config;
  }

  commit({ state, intents, orders, fills, outbox }: Commit): void {
    for (const { clientId } of intents)
      if (this.#intents.has(clientId)) throw new FailureError(`the client id ${clientId} is in the journal already`);
    for (const { market, tradeId } of fills)
      if (this.#fills.has(`${market} ${tradeId}`)) throw new FailureError(`the fill ${tradeId} is in the journal already`);
    for (const row of intents) this.#intents.set(row.clientId, structuredClone(row));
    for (const order of orders) this.#orders.set(order.clientId, structuredClone(order));
    for (const fill of fills) this.#fills.set(`${fill.market} ${fill.tradeId}`, structuredClone(fill));
    this.#outbox.push(...structuredClone(outbox));
    // As a database would: what JSON cannot hold does not come back.
    this.state = JSON.parse(JSON.stringify(state)) as RunState;
  }

  configure(config: RunConfig): void {
    this.config = config;
  }

  heartbeat(facts: Readonly<Record<string, unknown>>): void {
    this.lastHeartbeat = { at: Date.now(), pid: process.pid, facts };
  }

  order(mode: StopMode): void {
    this.#commands.push({ id: this.#commands.length + 1, mode });
  }

  takeCommand(): RunCommand | undefined {
    const command = this.#commands[this.#taken];
    if (command) this.#taken += 1;
    return command;
  }

  outbox(after: number, most: number): readonly OutboxRow[] {
    return this.#outbox.filter(({ seq }) => seq > after).slice(0, most);
  }

  cursor(sink: string): number {
    return this.#cursors.get(sink) ?? -1;
  }

  advance(sink: string, seq: number): void {
    this.#cursors.set(sink, Math.max(seq, this.cursor(sink)));
    const taken = Math.min(...this.#cursors.values());
    this.#outbox = this.#outbox.filter((row) => row.seq > taken - KEPT_RECORDS);
  }

  intents(): readonly IntentRow[] {
    return [...this.#intents.values()];
  }

  orders(): readonly OwnOrder[] {
    return [...this.#orders.values()];
  }

  fills(): readonly FillRow[] {
    return [...this.#fills.values()];
  }

  close(): void {}
}
