import type { OutgoingMessage } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import { STALE_CODE } from '../../tape/tape.js';
import type { ConnectGate, ConnectKind } from '../../transport/connect-gate.js';
import { openSocket, type Socket } from '../../transport/socket.js';
import type { Timing } from '../../transport/timing.js';

/** Callbacks for what happens on a connection, in order. */
export type ConnectionEvents = {
  opened(): void;
  sent(text: string): void;
  frame(frame: Buffer): void;
  closed(code: number): void;
};

type ConnectionOptions = {
  readonly url: string;
  readonly pacing: Pacing;
  /** Absent where the exchange wants no text: then a ping frame of the protocol is sent. */
  readonly heartbeat: string | undefined;
  readonly userAgent: string;
  readonly gate: ConnectGate;
  readonly kind: ConnectKind;
  readonly timing: Timing;
  readonly events: ConnectionEvents;
};

/** Why a connection ended; `isPlanned` when the run closed it. */
export type ConnectionEnd = { readonly code: number; readonly reason: string; readonly isPlanned: boolean };

const NORMAL = 1000;
const ALIVE_CHECK = 20;
/** Milliseconds to wait for the answer to a heartbeat, when another connection is ready to take over. */
const ALIVE_TIMEOUT = 10_000;

/** One WebSocket connection from connect to end: messages at the pace of the exchange, heartbeats, detection of silence. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #outbox: OutgoingMessage[] = [];
  readonly ended: Promise<ConnectionEnd>;
  #resolveEnded: (end: ConnectionEnd) => void = () => {};
  #socket: Socket | undefined;
  #timers: NodeJS.Timeout[] = [];
  #heardAt = 0;
  /** Frames, pings and pongs received. */
  #signs = 0;
  #isPlannedEnd = false;
  #silenceReason: string | undefined;
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

  /** When the last frame arrived, the current one included (ms). */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && !this.#hasEnded;
  }

  /** Waits for its turn and connects; returns false when stopped before. Throws an `UnreachableError`. */
  async open(signal: AbortSignal): Promise<boolean> {
    const { gate, kind, url, pacing, userAgent, events, timing } = this.#options;
    const release = await gate.enter(kind, signal);
    if (!release) return false;
    try {
      this.#socket = await openSocket(url, {
        connectTimeout: pacing.connectTimeout,
        userAgent,
        signal,
        onFrame: (frame) => {
          this.#hear();
          events.frame(frame);
        },
        onPulse: () => this.#hear(),
        onClose: (code, reason) => this.#end(code, reason),
      });
    } finally {
      release(this.#socket !== undefined);
    }
    this.#heardAt = timing.now();
    events.opened();
    this.#watch();
    return true;
  }

  /** Queues messages; one is sent per pause. */
  send(messages: readonly OutgoingMessage[]): void {
    this.#outbox.push(...messages);
    if (!this.#isSending) void this.#drain();
  }

  /**
   * A connection can die without a close frame, and its silence looks like a quiet market. Sends a heartbeat; resolves when
   * a sign of life arrives or the connection has ended. Without one in time it terminates the connection.
   */
  async confirmAlive(): Promise<void> {
    const { timing, pacing } = this.#options;
    const before = this.#signs;
    const limit = timing.now() + Math.min(ALIVE_TIMEOUT, pacing.silenceLimit);
    this.#beat();
    while (this.isOpen && this.#signs === before) {
      if (timing.now() >= limit) this.#terminate(timing.now() - this.#heardAt);
      await timing.sleep(ALIVE_CHECK);
    }
  }

  /** Closes the connection on purpose. */
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

  #hear(): void {
    this.#heardAt = this.#options.timing.now();
    this.#signs += 1;
  }

  #beat(): void {
    const { heartbeat } = this.#options;
    if (heartbeat === undefined) this.#socket?.ping();
    else this.#post(heartbeat);
  }

  #watch(): void {
    const { pacing } = this.#options;
    this.#timers = [
      setInterval(() => this.#beat(), pacing.heartbeatEvery),
      setInterval(() => this.#checkSilence(), Math.max(20, Math.min(1_000, pacing.silenceLimit / 4))),
    ];
  }

  #checkSilence(): void {
    const { pacing, timing } = this.#options;
    const silence = timing.now() - this.#heardAt;
    if (silence >= pacing.silenceLimit) this.#terminate(silence);
  }

  #terminate(silence: number): void {
    this.#silenceReason = `nothing received for ${Math.round(silence / 1000)} s`;
    this.#socket?.terminate();
  }

  #end(code: number, reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.events.closed(this.#silenceReason ? STALE_CODE : code);
    this.#resolveEnded({ code, reason: this.#silenceReason ?? reason, isPlanned: this.#isPlannedEnd });
  }
}
