import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Backoff } from './backoff.js';
import { AttemptError, networkFailure, withRetries } from './failure.js';
import { SYSTEM_TIMING } from './timing.js';

export type DownloadOptions = { readonly userAgent: string; readonly signal: AbortSignal };

const RETRIES = 3;

/**
 * Downloads `url` into the file `path`, through the proxies of the environment, following redirects. Retries after a
 * broken connection or a server error. Throws an `UnreachableError` and leaves no file then.
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const backoff = new Backoff({ first: 1_000, longest: 8_000, random: SYSTEM_TIMING.random });
  await withRetries(() => attempt(url, path, options), {
    most: { fault: RETRIES, throttled: RETRIES },
    nextPause: () => backoff.next(),
    sleep: SYSTEM_TIMING.sleep,
    signal: options.signal,
  });
}

async function attempt(url: string, path: string, { userAgent, signal }: DownloadOptions): Promise<void> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const { status, body } = await fetch(url, { dispatcher, signal, headers: { 'user-agent': userAgent } });
    if (status !== 200 || body === null) {
      await body?.cancel();
      throw new AttemptError({
        kind: status < 500 && status !== 429 ? 'final' : 'fault',
        what: `${url} returned ${status}${status === 404 ? ': no such file' : ''}`,
      });
    }
    await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    if (signal.aborted) throw new AttemptError({ kind: 'final', what: `download of ${url} cancelled` });
    if (error instanceof AttemptError) throw error;
    const { what, hint } = networkFailure(error as Error, new URL(url).host);
    throw new AttemptError({ kind: 'fault', what, request: url, hint, cause: error });
  } finally {
    await dispatcher.close().catch(() => {});
  }
}
