import type { OutgoingMessage } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import { STALE_CODE } from '../../tape/tape.js';
import type { ConnectGate } from '../../transport/connect-gate.js';
import { openSocket, type Socket } from '../../transport/socket.js';
import type { Timing } from '../../transport/timing.js';

/** What happens on a connection, told in order. */
export type ConnectionEvents = {
  opened(): void;
  sent(text: string): void;
  frame(frame: Buffer): void;
  closed(code: number): void;
};

export type ConnectionOptions = {
  readonly url: string;
  readonly pacing: Pacing;
  readonly heartbeat: string;
  readonly userAgent: string;
  readonly gate: ConnectGate;
  readonly timing: Timing;
  readonly events: ConnectionEvents;
};

/** Why a connection ended; `isPlanned` where we ended it ourselves. */
export type ConnectionEnd = { readonly code: number; readonly reason: string; readonly isPlanned: boolean };

const NORMAL = 1000;
const PROOF_CHECK = 20;
/** How long the answer to a heartbeat may take, ms, where another connection is ready to take over. */
const PROOF_PATIENCE = 10_000;

/** One connection from its connect to its end: messages at the exchange's pace, heartbeats, detection of death. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #outbox: OutgoingMessage[] = [];
  readonly ended: Promise<ConnectionEnd>;
  #resolveEnded: (end: ConnectionEnd) => void = () => {};
  #socket: Socket | undefined;
  #timers: NodeJS.Timeout[] = [];
  #heardAt = 0;
  #frames = 0;
  #isPlannedEnd = false;
  #deathReason: string | undefined;
  #hasEnded = false;
  #isSending = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get url(): string {
    return this.#options.url;
  }

  /** When the last frame came, the one at hand included (ms). */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && !this.#hasEnded;
  }

  /** Waits for its turn and connects; returns false when stopped first. Throws an `UnreachableError`. */
  async open(signal: AbortSignal): Promise<boolean> {
    const { gate, url, pacing, userAgent, events, timing } = this.#options;
    const release = await gate.enter(signal);
    if (!release) return false;
    try {
      this.#socket = await openSocket(url, {
        connectTimeout: pacing.connectTimeout,
        userAgent,
        signal,
        onFrame: (frame) => {
          this.#heardAt = timing.now();
          this.#frames += 1;
          events.frame(frame);
        },
        onClose: (code, reason) => this.#end(code, reason),
      });
    } finally {
      release();
    }
    this.#heardAt = timing.now();
    events.opened();
    this.#watch();
    return true;
  }

  /** Sends messages in order, one per pause. */
  send(messages: readonly OutgoingMessage[]): void {
    this.#outbox.push(...messages);
    if (!this.#isSending) void this.#drain();
  }

  /**
   * Resolves when the exchange has shown that it still sends, by answering a heartbeat if need be, or the connection has
   * ended: one that shows nothing for so long is dead.
   */
  async proven(): Promise<void> {
    const { heartbeat, timing, pacing } = this.#options;
    const before = this.#frames;
    const limit = timing.now() + Math.min(PROOF_PATIENCE, pacing.silenceLimit);
    this.#post(heartbeat);
    while (this.isOpen && this.#frames === before) {
      if (timing.now() >= limit) this.#bury(timing.now() - this.#heardAt);
      await timing.sleep(PROOF_CHECK);
    }
  }

  /** Ends the connection on purpose. */
  close(): void {
    this.#isPlannedEnd = true;
    this.#socket?.close(NORMAL);
  }

  async #drain(): Promise<void> {
    const { pacing, timing } = this.#options;
    this.#isSending = true;
    for (let message = this.#outbox.shift(); message && this.isOpen; message = this.#outbox.shift()) {
      this.#post(message.text);
      await timing.sleep(pacing.messagePause);
    }
    this.#isSending = false;
  }

  #post(text: string): void {
    this.#socket?.send(text);
    this.#options.events.sent(text);
  }

  #watch(): void {
    const { pacing, heartbeat } = this.#options;
    this.#timers = [
      setInterval(() => this.#post(heartbeat), pacing.heartbeatEvery),
      setInterval(() => this.#judge(), Math.max(20, Math.min(1_000, pacing.silenceLimit / 4))),
    ];
  }

  #judge(): void {
    const { pacing, timing } = this.#options;
    const silence = timing.now() - this.#heardAt;
    if (silence >= pacing.silenceLimit) this.#bury(silence);
  }

  #bury(silence: number): void {
    this.#deathReason = `nothing received for ${Math.round(silence / 1000)} s`;
    this.#socket?.terminate();
  }

  #end(code: number, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.events.closed(this.#deathReason ? STALE_CODE : code);
    this.#resolveEnded({ code, reason: this.#deathReason ?? reason, isPlanned: this.#isPlannedEnd });
  }
}
