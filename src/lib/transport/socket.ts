import { UnreachableError } from '../model/errors.js';
import { proxyOf } from './proxy.js';

export type SocketOptions = {
  /** Milliseconds until a connect counts as failed. */
  readonly connectTimeout: number;
  readonly userAgent: string;
  /** Given every text frame, in order. */
  readonly onFrame: (frame: Buffer) => void;
  /** Told once when an open connection has ended; 1006 where no close frame came. */
  readonly onClose: (code: number, reason: string) => void;
  /** Ends a connect in progress. */
  readonly signal: AbortSignal;
  readonly environment?: NodeJS.ProcessEnv | undefined;
};

/** One open WebSocket. */
export type Socket = {
  send(text: string): void;
  /** Closes with the handshake; cut when the other side does not answer it in time. */
  close(code: number): void;
  /** Cuts at once. */
  terminate(): void;
  /** Bytes that wait to be sent. */
  readonly unsent: number;
};

/** Larger frames than any of the exchanges sends: whole books of 1000 levels are below 100 kB. */
const LARGEST_FRAME = 16 * 1024 * 1024;
/** How long the other side may take to answer a close. */
const CLOSE_TIMEOUT = 2_000;

/**
 * Connects to a WebSocket: through the proxy that the environment names, TLS always verified, without compression.
 * Throws an `UnreachableError` that names the host and the reason.
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
    agent: await agentOf(target, options.environment ?? process.env),
  });
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await opened(socket, target, signal);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return attach(socket, options);
}

type WebSocketClient = import('ws').WebSocket;

function opened(socket: WebSocketClient, target: URL, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Frames that come with the handshake wait until somebody listens.
    socket.once('open', () => {
      socket.pause();
      resolve();
    });
    socket.on('error', (error) => reject(new UnreachableError(`${target.host} ${reasonOf(error, signal)}`, { cause: error })));
    if (signal.aborted) socket.terminate();
  });
}

function attach(socket: WebSocketClient, { onFrame, onClose }: SocketOptions): Socket {
  socket.on('message', (data, isBinary) => {
    if (!isBinary) onFrame(data as Buffer);
    // A binary frame is none of these protocols: it is passed on as what it is, for the reader to refuse.
    else onFrame(Buffer.from((data as Buffer).toString('latin1')));
  });
  socket.once('close', (code, reason) => onClose(code, reason.toString('utf8')));
  socket.resume();
  return {
    send: (text) => {
      if (socket.readyState === socket.OPEN) socket.send(text);
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

async function agentOf(target: URL, environment: NodeJS.ProcessEnv): Promise<import('node:http').Agent | undefined> {
  const proxy = proxyOf(target, environment);
  if (proxy === undefined) return undefined;
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  return new HttpsProxyAgent(proxy);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'reset the connection',
  ENOTFOUND: 'is not known by name',
  EAI_AGAIN: 'could not be looked up',
  EHOSTUNREACH: 'has no route',
  ENETUNREACH: 'has no route',
  ETIMEDOUT: 'did not answer in time',
};

/** Returns why a connect failed, as what the host did. */
function reasonOf(error: Error, signal: AbortSignal): string {
  if (signal.aborted) return 'was not waited for: the run was stopped';
  const inner = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const { code, message } = inner as NodeJS.ErrnoException;
  const status = /^Unexpected server response: (\d+)/.exec(message)?.[1];
  if (status) return `answered the connect with ${status}`;
  if (/handshake has timed out/.test(message)) return 'did not answer the connect in time';
  return REASONS[code ?? ''] ?? `cannot be connected: ${message}`;
}
