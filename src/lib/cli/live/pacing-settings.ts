import type { Venue } from '../../capture/live/connection-pool.js';
import type { RepairLimits } from '../../capture/repair/repair-job.js';
import type { Exchange } from '../../exchanges/exchange.js';
import type { Pacing } from '../../exchanges/live-protocol.js';
import { UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import { MICROSECONDS_PER_MILLISECOND as MS, parseDuration } from '../../model/time.js';
import { endpointsOf } from '../endpoints.js';
import { COUNTS, DURATIONS, PACING_TABLE, PLANNING, RUN_COUNTS, RUN_DURATIONS } from '../pacing-keys.js';
import type { Setting, Settings } from '../settings.js';

/** Zero turns these off; a zero heartbeat or time limit would be a mistake. */
const MAY_BE_ZERO = new Set([
  'connect_pause',
  'connect_jitter',
  'reconnect_pause',
  'reconnect_jitter',
  'subscribe_delay',
  'subscribe_delay_jitter',
  'message_pause',
  'rotate_after',
  'audit_every',
]);

type VenueOptions = {
  /** Protocol version, where the user names one. */
  readonly api?: string | undefined;
  /** `testnet`, `demo`. */
  readonly practice?: string | undefined;
};

/**
 * Returns where an exchange is reached and how its connections are paced. Throws a `UsageError` on an unknown setting or on
 * a practice venue that the exchange lacks.
 */
export function buildVenue(exchange: Exchange, settings: Settings, { api, practice }: VenueOptions): Venue {
  const origins = practice === undefined ? exchange.origins : exchange.live.places[practice];
  if (!origins) {
    const has = Object.keys(exchange.live.places).map((name) => `--${name}`);
    throw new UsageError(`--${practice}: ${exchange.id} has none${has.length > 0 ? `; it has ${has.join(', ')}` : ''}`);
  }
  if (api !== undefined && !exchange.apis.includes(api))
    throw new UsageError(`--api: expected ${exchange.apis.join(' or ')} on ${exchange.id}, was "${api}"`);
  return {
    exchange,
    api: api ?? (exchange.apis[0] as string),
    origins: (market) => endpointsOf({ ...exchange, origins }, settings, market),
    pacing: (market) => pacingOf(exchange, market, settings),
    planning: valuesOf(exchange, PLANNING, settings, countOf),
  };
}

/** Returns what holds for the whole run: milliseconds until unreachable, records that may wait for the outputs. */
export function runLimits(settings: Settings): { unreachableAfter: number; queueLimit: number } {
  return { unreachableAfter: ofRun(settings, 'unreachable_after') / MS, queueLimit: ofRun(settings, 'queue_records') };
}

/** Returns the limits of repairs that fetch `most` microseconds back. Throws a `UsageError` on a setting that is none. */
export function repairLimits(settings: Settings, most: number): RepairLimits {
  return {
    most,
    hold: ofRun(settings, 'repair_hold'),
    within: ofRun(settings, 'repair_within'),
    settle: ofRun(settings, 'repair_settle'),
    records: ofRun(settings, 'repair_records'),
  };
}

/** Returns the microseconds between two audits of a trade feed, undefined for none. Throws a `UsageError`. */
export function auditPeriod(settings: Settings): number | undefined {
  return ofRun(settings, 'audit_every') || undefined;
}

/** Returns microseconds or a number of records. */
function ofRun(settings: Settings, key: keyof typeof RUN_DURATIONS | keyof typeof RUN_COUNTS): number {
  const setting = settings.section(PACING_TABLE, key);
  if (key in RUN_COUNTS) return setting ? countOf(setting) : RUN_COUNTS[key as keyof typeof RUN_COUNTS];
  return setting ? durationOf(setting, key) * MS : RUN_DURATIONS[key as keyof typeof RUN_DURATIONS];
}

function pacingOf(exchange: Exchange, market: Market, settings: Settings): Pacing {
  return {
    ...exchange.live.pacing(market),
    ...valuesOf(exchange, DURATIONS, settings, durationOf),
    ...valuesOf(exchange, COUNTS, settings, countOf),
  };
}

/** Returns the values of the settings that are set, by their names in code. */
function valuesOf<Name extends string>(
  exchange: Exchange,
  names: Readonly<Record<string, Name>>,
  settings: Settings,
  read: (setting: Setting, key: string) => number,
): Partial<Record<Name, number>> {
  const values: Partial<Record<Name, number>> = {};
  for (const [key, name] of Object.entries(names)) {
    const setting = settings.section(PACING_TABLE, `${exchange.id}_${key}`);
    if (setting) values[name] = read(setting, key);
  }
  return values;
}

/** Returns milliseconds. */
function durationOf({ value, source }: Setting, key: string): number {
  const text = String(value);
  const milliseconds = text === '0' ? 0 : parseDuration(text, source) / 1000;
  if (milliseconds === 0 && !MAY_BE_ZERO.has(key)) throw new UsageError(`${source}: expected a duration above 0, was "${text}"`);
  return milliseconds;
}

function countOf({ value, source }: Setting): number {
  const count = Number(value);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`${source}: expected a whole number above 0, was "${value}"`);
}
