import { seeded } from '../../random.js';
import type { Desk } from './desk.js';
import type { Client, Link, Push } from './dialect.js';
import type { EngineEvent, Environment } from './engine/model.js';

const BEAT = 5_000;
const REORDER = 500;

/** A push as it was meant; `lost` where a fault kept it back. */
type SentPush = {
  readonly time: number;
  readonly uid: string;
  readonly topic: string;
  readonly text: string;
  readonly isLost: boolean;
};

/** Private connections and what is pushed to them. */
export class Hub {
  /** Every push so far; a soak that does not look at them sets `keepsPushes` to false. */
  readonly pushes: SentPush[] = [];
  keepsPushes = true;
  readonly #desk: Desk;
  readonly #random: () => number;
  readonly #clients = new Map<Link, Client>();
  #beaten: number | undefined;

  constructor(desk: Desk, seed: number) {
    this.#desk = desk;
    this.#random = seeded(seed);
  }

  /** Open connections, logged in or not. */
  get clients(): readonly Client[] {
    return [...this.#clients.values()];
  }

  connect(link: Link, path: string, environment: Environment): Client {
    const client: Client = { link, environment, path, key: undefined, topics: new Set() };
    this.#clients.set(link, client);
    return client;
  }

  receive(link: Link, text: string, path: string, environment: Environment): void {
    const client = this.#clients.get(link) ?? this.connect(link, path, environment);
    this.#desk.dialect.receive(client, text, this.#desk);
  }

  disconnect(link: Link): void {
    this.#clients.delete(link);
  }

  /** Pushes what an event means to each client of its account. */
  publish(event: EngineEvent): void {
    for (const client of this.#clients.values()) {
      if (client.key && accountOf(event) === client.key.account)
        this.send(client, this.#desk.dialect.pushes(event, client, this.#desk));
    }
  }

  /** Sends pushes to a client, as far as the scripted faults let them through. */
  send(client: Client, pushes: readonly Push[]): void {
    for (const push of pushes) this.#sendOne(client, push);
  }

  run(until: number): void {
    this.#beaten ??= until;
    if (until - this.#beaten < BEAT) return;
    this.#beaten = until;
    for (const client of this.#clients.values()) if (client.key) this.send(client, this.#desk.dialect.beat(client, this.#desk));
  }

  #sendOne(client: Client, { topic, text }: Push): void {
    const { drop, duplicate, reorder, delay, isMute } = this.#desk.faults.pushes;
    const isLost = isMute || this.#random() < drop;
    if (this.keepsPushes) this.pushes.push({ time: this.#desk.now(), uid: client.key?.account.uid ?? '', topic, text, isLost });
    if (isLost) return;
    const [least, most] = delay;
    const late = this.#random() < reorder ? this.#random() * REORDER : 0;
    const put = (): void => {
      if (this.#clients.has(client.link)) client.link.data(text);
    };
    const wait = Math.ceil(least + this.#random() * (most - least) + late);
    this.#desk.engine.scheduler.after(wait, put);
    if (this.#random() < duplicate) this.#desk.engine.scheduler.after(wait + 1, put);
  }
}

function accountOf(event: EngineEvent): unknown {
  switch (event.kind) {
    case 'order':
      return event.order.account;
    case 'fill':
      return event.fill.account;
    case 'position':
    case 'adl':
      return event.position.account;
    case 'account':
      return event.account;
  }
}
