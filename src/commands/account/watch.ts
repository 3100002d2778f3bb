import type { AccountClient } from '../../lib/account/client.js';
import { LiveAccount } from '../../lib/account/live.js';
import type { AccountFacts, AccountPart } from '../../lib/account/snapshot.js';
import { createColors } from '../../lib/cli/output/colors.js';
import type { AnyRecord, EventRecord } from '../../lib/model/records.js';
import { formatTime } from '../../lib/model/time.js';
import { type AccountView, renderPanel } from './panel.js';

/** An account that was opened: what is asked of it is known. */
export type OpenedAccount = { readonly client: AccountClient; readonly facts: AccountFacts };

type WatchOptions = {
  readonly parts: readonly AccountPart[];
  readonly since: number;
  /** Milliseconds. */
  readonly checkEvery: number;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EventRecord) => void;
  readonly onRejected: (reason: string) => void;
};

/** Returns the accounts as they change. */
export function liveAccounts(accounts: readonly OpenedAccount[], options: WatchOptions): LiveAccount[] {
  return accounts.map(({ client, facts }) => {
    const { exchange, name, mode } = client.account;
    return new LiveAccount({ ...options, client, facts, owner: { exchange: exchange.id, account: name, mode } });
  });
}

/** Yields what several sources yield, as it comes. The first that fails ends all. */
export async function* merged(sources: readonly AsyncGenerator<AnyRecord[]>[]): AsyncGenerator<AnyRecord[]> {
  type Next = { readonly index: number; readonly result: IteratorResult<AnyRecord[]> };
  const next = async (index: number): Promise<Next> => ({
    index,
    result: await (sources[index] as AsyncGenerator<AnyRecord[]>).next(),
  });
  const pending = new Map(sources.map((_, index) => [index, next(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(index);
      else {
        pending.set(index, next(index));
        yield result.value;
      }
    }
  } finally {
    for (const promise of pending.values()) promise.catch(() => {});
  }
}

const SHOWN_EVENTS = 3;
const CLEAR = '\u001b[H\u001b[J';
const ENTER_SCREEN = '\u001b[?1049h\u001b[?25l';
const LEAVE_SCREEN = '\u001b[?25h\u001b[?1049l';

/** Draws accounts on a terminal again and again, on a screen of its own. */
export class PanelScreen {
  readonly #accounts: readonly LiveAccount[];
  readonly #titles: readonly string[];
  readonly #events: string[] = [];
  readonly #stdout: NodeJS.WriteStream;
  #timer: NodeJS.Timeout | undefined;

  constructor(accounts: readonly LiveAccount[], opened: readonly OpenedAccount[], stdout: NodeJS.WriteStream) {
    this.#accounts = accounts;
    this.#stdout = stdout;
    this.#titles = opened.map(({ client, facts }) => {
      const { exchange, name, mode } = client.account;
      return `${exchange.name} ${name}   ${mode.toUpperCase()}   ${facts.family.name}`;
    });
  }

  note({ timestamp, message }: EventRecord): void {
    this.#events.push(`${formatTime(Math.floor(timestamp / 1_000) * 1_000)} ${message}`);
    if (this.#events.length > SHOWN_EVENTS) this.#events.shift();
  }

  start(every: number): void {
    this.#stdout.write(ENTER_SCREEN);
    this.#timer = setInterval(() => this.#stdout.write(`${CLEAR}${this.text()}\n`), every);
  }

  /** Leaves the screen, and prints the last state where it stays. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#stdout.write(`${LEAVE_SCREEN}${this.text()}\n`);
  }

  text(): string {
    const views = this.#accounts.map(
      ({ state, isLive, prices }, index): AccountView => ({
        title: this.#titles[index] ?? '',
        isLive,
        totals: state.totals,
        balances: state.balances.filter(({ total, equity }) => Number(total ?? 0) !== 0 || Number(equity ?? 0) !== 0),
        positions: state.positions,
        orders: [...state.orders].sort((a, b) => Number(b.price ?? 0) - Number(a.price ?? 0)),
        prices,
        events: index === this.#accounts.length - 1 ? this.#events : [],
      }),
    );
    return renderPanel(views, { width: this.#stdout.columns ?? 80, colors: createColors(this.#stdout) });
  }
}
