import { UsageError } from '../model/errors.js';

const DATABASE = /^(?:\/\d*)?$/;
/** The expected URL, worded so that redaction does not mask it. */
const SHAPE = 'redis://host:port/db (port and db optional; user:password before host, percent-encoded)';

/** Whether a destination or a source names a Redis. */
export function isRedis(text: string): boolean {
  return /^rediss?:\/\//.test(text);
}

/**
 * Returns the URL of a flag, completed from the environment: `redis://` is `REDIS_HOST` (localhost), `REDIS_PORT` (6379) and
 * the password of `MDTOOL_REDIS_PASSWORD` or `REDIS_PASSWORD`. Throws a `UsageError`.
 */
export function redisUrl(text: string, environment: NodeJS.ProcessEnv, flag = '-o'): string {
  const [, scheme = '', rest = ''] = /^(rediss?:\/\/)(.*)$/.exec(text) ?? [];
  const port = environment.REDIS_PORT ? `:${environment.REDIS_PORT}` : '';
  const [, user = '', host = '', tail = ''] = /^(?:(.*)@)?([^/]*)(.*)$/.exec(rest) ?? [];
  const whole = `${scheme}${user === '' ? '' : `${user}@`}${host === '' ? `${environment.REDIS_HOST || 'localhost'}${port}` : host}${tail}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (!isRedis(text) || !url || !DATABASE.test(url.pathname))
    throw new UsageError(`${flag} ${scheme || text}…: expected ${SHAPE}`);
  const password = environment.MDTOOL_REDIS_PASSWORD || environment.REDIS_PASSWORD;
  if (url.password === '' && password) url.password = encodeURIComponent(password);
  return url.href;
}

/** Returns a Redis URL without its credentials. */
export function addressOf(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
