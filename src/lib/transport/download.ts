import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { UnreachableError } from '../model/errors.js';
import { Backoff } from './backoff.js';
import { SYSTEM_TIMING } from './timing.js';

export type DownloadOptions = { readonly userAgent: string; readonly signal: AbortSignal };

const ATTEMPTS = 4;

/**
 * Downloads `url` into the file `path`, through the proxies of the environment, following redirects. Tries again after a
 * broken connection or a server error. Throws an `UnreachableError`; then there is no file.
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const backoff = new Backoff({ first: 1_000, longest: 8_000, random: SYSTEM_TIMING.random });
  for (;;) {
    const trouble = await attempt(url, path, options);
    if (trouble === undefined) return;
    await rm(path, { force: true });
    const wait = backoff.next();
    if (trouble.isFinal || backoff.attempts === ATTEMPTS || options.signal.aborted)
      throw new UnreachableError(`${url} ${trouble.reason}${backoff.attempts > 1 ? ` after ${backoff.attempts} attempts` : ''}`);
    await SYSTEM_TIMING.sleep(wait, options.signal);
  }
}

type Trouble = { readonly reason: string; readonly isFinal: boolean };

async function attempt(url: string, path: string, { userAgent, signal }: DownloadOptions): Promise<Trouble | undefined> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const { status, body } = await fetch(url, { dispatcher, signal, headers: { 'user-agent': userAgent } });
    if (status !== 200 || body === null) {
      await body?.cancel();
      return {
        reason: `answered ${status}${status === 404 ? ': there is no such file' : ''}`,
        isFinal: status < 500 && status !== 429,
      };
    }
    await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(path));
    return undefined;
  } catch (error) {
    if (signal.aborted) return { reason: 'was not waited for: the step was stopped', isFinal: true };
    const { message, cause } = error as Error;
    return { reason: `cannot be read: ${(cause as Error | undefined)?.message ?? message}`, isFinal: false };
  } finally {
    await dispatcher.close().catch(() => {});
  }
}
