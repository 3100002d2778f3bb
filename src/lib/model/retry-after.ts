type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Returns the milliseconds for which a `Retry-After` header asks to wait; undefined without one that can be read.
 *
 * The header is a number of seconds or an HTTP date (RFC 9110, 10.2.3). A date is compared with the `Date` of the same
 * answer: by a local clock that is a minute fast, the pause would be over before it begins. `now` (milliseconds since the
 * epoch) counts only where the answer has no date.
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const header = headers['retry-after'];
  if (typeof header !== 'string') return undefined;
  if (/^\s*\d{1,6}\s*$/.test(header)) return Number(header) * 1_000;
  const until = dateOf(header);
  return until === undefined ? undefined : Math.max(0, until - (dateOf(headers.date) ?? now));
}

/** Without a letter `Date.parse` reads any number as a year. */
function dateOf(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string' || !/^[A-Z][a-z]{2,8},? /.test(header)) return undefined;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : time;
}
