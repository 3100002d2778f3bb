import { AttemptError, networkFailure } from './failure.js';

type SocketOptions = {
  /** Milliseconds until a connect counts as failed. */
  readonly connectTimeout: number;
  readonly userAgent: string;
  /** Called with every text frame, in order. */
  readonly onFrame: (frame: Buffer) => void;
  /** Called on every ping and pong frame of the protocol: the other side is alive. */
  readonly onPulse?: (() => void) | undefined;
  /** Called once when an open connection has ended; the code is 1006 where no close frame arrived. */
  readonly onClose: (code: number, reason: string) => void;
  /** Ends a connect in progress. */
  readonly signal: AbortSignal;
  readonly environment?: NodeJS.ProcessEnv | undefined;
};

/** One open WebSocket. */
export type Socket = {
  send(text: string): void;
  /** Sends a ping frame of the protocol. */
  ping(): void;
  /** Closes with the handshake; terminates when the server does not answer it in time. */
  close(code: number): void;
  /** Drops the connection at once, without a handshake. */
  terminate(): void;
  /** Bytes in the send buffer. */
  readonly unsent: number;
};

/** Bytes; the largest frame of any exchange, a book of 1,000 levels, is below 100 kB. */
const LARGEST_FRAME = 16 * 1024 * 1024;
/** Milliseconds that the server may take to answer a close. */
const CLOSE_TIMEOUT = 2_000;

/**
 * Connects to a WebSocket: through the proxy that the environment names, TLS always verified, without compression.
 * Throws an `AttemptError` that names the host and the reason.
 */
export async function openSocket(url: string, options: SocketOptions): Promise<Socket> {
  const { WebSocket } = await import('ws');
  const { connectTimeout, signal, userAgent } = options;
  const target = new URL(url);
  const socket = new WebSocket(url, {
    handshakeTimeout: connectTimeout,
    maxPayload: LARGEST_FRAME,
    perMessageDeflate: false,
    followRedirects: false,
    headers: { 'user-agent': userAgent },
    agent: await proxyAgent(target, options.environment ?? process.env),
  });
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await opened(socket, target, signal);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return listen(socket, options);
}

type WebSocketClient = import('ws').WebSocket;

function opened(socket: WebSocketClient, target: URL, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // The first frames can arrive with the handshake. Without the pause they are lost before `listen` runs.
    socket.once('open', () => {
      socket.pause();
      resolve();
    });
    socket.on('error', (error) => reject(connectFailure(error, target, signal)));
    if (signal.aborted) socket.terminate();
  });
}

function listen(socket: WebSocketClient, { onFrame, onPulse = () => {}, onClose }: SocketOptions): Socket {
  socket.on('message', (data, isBinary) => {
    if (!isBinary) onFrame(data as Buffer);
    // No exchange of ours sends binary frames. The bytes are passed on unchanged, and the reader rejects and counts them.
    else onFrame(Buffer.from((data as Buffer).toString('latin1')));
  });
  socket.on('ping', onPulse);
  socket.on('pong', onPulse);
  socket.once('close', (code, reason) => onClose(code, reason.toString('utf8')));
  socket.resume();
  return {
    send: (text) => {
      if (socket.readyState === socket.OPEN) socket.send(text);
    },
    ping: () => {
      if (socket.readyState === socket.OPEN) socket.ping();
    },
    close: (code) => {
      socket.close(code);
      setTimeout(() => socket.terminate(), CLOSE_TIMEOUT).unref();
    },
    terminate: () => socket.terminate(),
    get unsent() {
      return socket.bufferedAmount;
    },
  };
}

async function proxyAgent(target: URL, environment: NodeJS.ProcessEnv): Promise<import('node:http').Agent | undefined> {
  const proxy = proxyOf(target, environment);
  if (proxy === undefined) return undefined;
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  return new HttpsProxyAgent(proxy);
}

/** Returns the failure of a connect. */
function connectFailure(error: Error, { host }: URL, signal: AbortSignal): AttemptError {
  if (signal.aborted) return new AttemptError({ kind: 'final', what: `connecting to ${host} cancelled` });
  const status = /^Unexpected server response: (\d+)/.exec(error.message)?.[1];
  const failure = status
    ? { what: `${host} rejected the connection with status ${status}` }
    : /handshake has timed out/.test(error.message)
      ? { what: `${host} did not complete the handshake in time` }
      : networkFailure(error, host);
  return new AttemptError({ kind: 'fault', ...failure, cause: error });
}

/**
 * Returns the proxy that the environment names for a WebSocket URL, undefined without one: `HTTPS_PROXY` for `wss:`,
 * `HTTP_PROXY` for `ws:`, `ALL_PROXY` for both, lower case first. `NO_PROXY` exempts hosts: `*`, or a name with its
 * subdomains, each with an optional port.
 */
export function proxyOf(url: URL, environment: NodeJS.ProcessEnv): string | undefined {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined;
  if (isExempt(url, variable('NO_PROXY') ?? '')) return undefined;
  return variable(url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? variable('ALL_PROXY');
}

function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const ownPort = port || (protocol === 'wss:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const suffix = name.replace(/^\*?\./, '').toLowerCase();
      const matches = hostname === suffix || hostname.endsWith(`.${suffix}`);
      return matches && (entryPort === undefined || entryPort === ownPort);
    });
}
