import type { AccountFamily, Outcome, PrivateFrame } from '../exchanges/private-side.js';
import { AttemptError } from '../transport/failure.js';
import { openSocket, type Socket } from '../transport/socket.js';
import type { Timing } from '../transport/timing.js';
import { type AccountClient, AccountError } from './client.js';

const TICK = 25;
const LOGIN_WITHIN = 10_000;
const CONNECT_TIMEOUT = 15_000;

type ConnectionOptions = {
  readonly client: AccountClient;
  readonly family: AccountFamily;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** Replaces the connection; tests do. */
  readonly connect?: typeof openSocket | undefined;
};

/** One private connection while it lasts. Times are milliseconds of the monotonic clock. */
export class PrivateConnection {
  /** Why it ended. */
  ended: string | undefined;
  /** Whether the login was accepted. */
  isIn = false;
  /** When it pushed something last. */
  pushed: number | undefined;
  readonly #options: ConnectionOptions;
  #socket: Socket | undefined;
  #heard: number;
  #beaten: number;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#heard = options.timing.now();
    this.#beaten = this.#heard;
  }

  /**
   * Connects, logs in and subscribes; `receive` gets every frame. Throws an `AccountError` when the login is refused, an
   * `AttemptError` when the exchange cannot be reached.
   */
  async open(receive: (frame: PrivateFrame) => void): Promise<void> {
    const { client, family, signal, userAgent, timing, connect = openSocket } = this.#options;
    const { account } = client;
    let refused: Outcome | undefined;
    const hear = () => {
      this.#heard = timing.now();
    };
    this.#socket = await connect(`${account.endpoints.websocket}${family.socket.path}`, {
      connectTimeout: CONNECT_TIMEOUT,
      userAgent,
      signal,
      onPulse: hear,
      onFrame: (bytes) => {
        hear();
        const frame = family.socket.read(bytes.toString('utf8'));
        if (frame.kind === 'refused') refused ??= frame.outcome;
        if (frame.kind === 'login') this.isIn = true;
        if (frame.kind === 'data') this.pushed = timing.now();
        receive(frame);
      },
      onClose: (code, reason) => {
        this.ended ??= `closed with code ${code}${reason === '' ? '' : `: ${reason}`}`;
      },
    });
    this.#socket.send(family.socket.login(client.signing()));
    const deadline = timing.now() + LOGIN_WITHIN;
    while (!this.isIn) {
      if (refused) throw new AccountError(account, refused);
      if (signal.aborted || this.ended !== undefined || timing.now() > deadline)
        throw new AttemptError({ kind: 'fault', what: `no answer to the login: ${this.ended ?? 'timed out'}` });
      await timing.sleep(TICK, signal);
    }
    for (const { text } of family.socket.subscriptions) this.#socket.send(text);
  }

  /** Sends a heartbeat when it is due, and ends a connection that is silent. */
  beat(): void {
    const { heartbeat, heartbeatEvery, silenceLimit, pushSilenceLimit } = this.#options.family.socket;
    const now = this.#options.timing.now();
    if (now - this.#beaten >= heartbeatEvery) {
      this.#beaten = now;
      this.#socket?.send(heartbeat);
    }
    if (now - this.#heard >= silenceLimit) this.ended ??= `nothing received for ${silenceLimit / 1_000} s`;
    // Only where pushes have come: whether an idle account gets any is not certain.
    if (pushSilenceLimit !== undefined && this.pushed !== undefined && now - this.pushed >= pushSilenceLimit)
      this.ended ??= `no push for ${pushSilenceLimit / 1_000} s`;
  }

  terminate(): void {
    this.#socket?.terminate();
  }
}
