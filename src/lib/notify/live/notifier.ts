import { counted } from '../../model/counted.js';
import { masked } from '../../secrets/secret.js';
import type { Notice } from '../notice.js';
import { type Delivery, type Message, type Moment, type Progress, type QueuePolicy, SinkQueue } from '../sink-queue.js';
import type { Sink } from './sinks/sink.js';

/** A sink and what it wants. */
type Route = { readonly sink: Sink; readonly policy: Pick<QueuePolicy, 'minimum' | 'accepts' | 'isQuiet'> };

type NotifierOptions = {
  /** Reports what a sink does, in one line. */
  readonly log: (severity: 'info' | 'warn', text: string) => void;
  /** Called when a message of a sink was delivered or given up. */
  readonly onSettled?: (() => void) | undefined;
  readonly now?: (() => Moment) | undefined;
};

/** The longest sleep of a loop: a clock that is set shows within it. */
const LONGEST_SLEEP = 60_000;

type Lane = { readonly sink: Sink; readonly queue: SinkQueue; wake: () => void; failures: number; lost: number; sent: number };

export function systemMoment(): Moment {
  return { at: performance.now(), time: Date.now() * 1_000 };
}

/** Sends notices to sinks, each at its own pace: one that hangs holds back nothing but itself. Taking a notice never waits. */
export class Notifier {
  readonly #lanes: readonly Lane[];
  readonly #options: NotifierOptions;
  readonly #now: () => Moment;
  #isClosed = false;

  constructor(routes: readonly Route[], options: NotifierOptions) {
    this.#options = options;
    this.#now = options.now ?? systemMoment;
    this.#lanes = routes.map(({ sink, policy }) => {
      const queue = new SinkQueue({ ...policy, limit: sink.limit, perMinute: sink.perMinute });
      return { sink, queue, wake: () => {}, failures: 0, lost: 0, sent: 0 };
    });
  }

  get sinks(): readonly string[] {
    return this.#lanes.map(({ sink }) => sink.name);
  }

  /** Messages delivered. */
  get sent(): number {
    return this.#lanes.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Notices that no sink has confirmed yet, over all sinks. */
  get waiting(): number {
    return this.#lanes.reduce((sum, { queue }) => sum + queue.waiting, 0);
  }

  /** Alarms among them. */
  get urgent(): number {
    return this.#lanes.reduce((sum, { queue }) => sum + queue.urgent, 0);
  }

  /** Notices that were given up. */
  get lost(): number {
    return this.#lanes.reduce((sum, { queue }) => sum + queue.lost, 0);
  }

  /** Starts the loops of all sinks; they end with `close`. */
  start(): void {
    for (const lane of this.#lanes) void this.#work(lane);
  }

  take(notice: Notice): void {
    const moment = this.#now();
    for (const { queue, wake } of this.#lanes) {
      queue.take(notice, moment);
      wake();
    }
  }

  pass(source: string, seq: number): void {
    for (const { queue } of this.#lanes) queue.pass(source, seq);
  }

  restore(sink: string, source: string, progress: Progress): void {
    for (const lane of this.#lanes) if (lane.sink.name === sink) lane.queue.restore(source, progress, this.#now());
  }

  /** Returns how far each sink is with a source. */
  progress(source: string): Readonly<Record<string, Progress>> {
    return Object.fromEntries(this.#lanes.map(({ sink, queue }) => [sink.name, queue.progress(source)]));
  }

  /** Sends what waits without the pause for more, for at most the milliseconds; then the loops end. Returns what is left. */
  async close(grace: number): Promise<number> {
    const deadline = performance.now() + grace;
    for (const { queue, wake } of this.#lanes) {
      queue.hurry();
      wake();
    }
    // What is paused for longer cannot be delivered in time.
    const mayDeliver = () => this.#lanes.some(({ queue }) => queue.waiting > 0 && queue.pausedUntil < deadline);
    while (mayDeliver() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    this.#isClosed = true;
    for (const { wake } of this.#lanes) wake();
    return this.waiting;
  }

  async #work(lane: Lane): Promise<void> {
    const { queue } = lane;
    while (!this.#isClosed) {
      const next = queue.next(this.#now());
      if (next && 'send' in next) {
        const delivery = await this.#send(lane, next.send);
        queue.settle(delivery, this.#now());
        this.#report(lane, delivery);
        if (delivery.kind !== 'failed') this.#options.onSettled?.();
        continue;
      }
      await this.#sleep(lane, next ? next.at - this.#now().at : LONGEST_SLEEP);
    }
  }

  /** A fault of a sink's own code counts as one of the server: the message stays. */
  async #send({ sink }: Lane, message: Message): Promise<Delivery> {
    try {
      return await sink.send(message);
    } catch (error) {
      return { kind: 'failed', reason: masked((error as Error).message) };
    }
  }

  #sleep(lane: Lane, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(1, milliseconds), LONGEST_SLEEP));
      // Only what waits for delivery may keep a process from ending.
      if (lane.queue.waiting === 0) timer.unref();
      lane.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #report(lane: Lane, delivery: Delivery): void {
    const { log } = this.#options;
    const name = `notify: ${lane.sink.name}`;
    if (delivery.kind === 'delivered') {
      lane.sent += 1;
      if (lane.failures > 0) log('info', `${name} delivers again after ${counted(lane.failures, 'failure')}`);
      lane.failures = 0;
    } else {
      lane.failures += 1;
      // A server that is down for a night would fill the log.
      if ((lane.failures & (lane.failures - 1)) === 0)
        log('warn', `${name} ${delivery.reason}; ${waitingText(lane.queue.waiting)}`);
    }
    if (lane.queue.lost === lane.lost) return;
    log('warn', `${name}: ${counted(lane.queue.lost - lane.lost, 'event')} could not be delivered and will not be sent again`);
    lane.lost = lane.queue.lost;
  }
}

function waitingText(waiting: number): string {
  return waiting === 0
    ? 'nothing waits'
    : `${counted(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} and will be sent again`;
}
