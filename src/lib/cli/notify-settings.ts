import { readFileSync } from 'node:fs';
import type { HealthLimits } from '../capture/live/health.js';
import { UsageError } from '../model/errors.js';
import { parseSize } from '../model/number-format.js';
import { formatDuration, parseDuration } from '../model/time.js';
import { type SinkSettings, secretVariable } from '../notify/live/sinks/sink.js';
import type { Severity } from '../notify/notice.js';
import type { QuietHours, SinkRules } from '../notify/policy.js';
import { valueOfEnvironment } from '../secrets/environment.js';
import { requirePrivate } from '../secrets/key-files.js';
import { Secret } from '../secrets/secret.js';
import { fractionOf, listOf } from './flags.js';
import { NOTIFY_SYMBOL_TABLE, NOTIFY_TABLE, SINK_TABLE } from './notify-keys.js';
import type { Setting, Settings } from './settings.js';
import { timeZoneName } from './time-zone.js';

const SEVERITIES: readonly Severity[] = ['routine', 'warning', 'alarm'];
const NAME = /^[a-z0-9][a-z0-9-]{0,30}$/;
const STALLED = '10m';

/** A sink and what it wants. */
export type SinkEntry = { readonly settings: SinkSettings; readonly rules: SinkRules };

/** What is watched of runs. */
export type WatchLimits = {
  /** Milliseconds without a sign of a run. */
  readonly stalled: number;
  /** Distance from mark price to liquidation, a fraction; undefined for the default of each run. */
  readonly liquidation: number | undefined;
  readonly liquidationBySymbol: Readonly<Record<string, number>>;
};

export type NotifySettings = { readonly sinks: readonly SinkEntry[]; readonly limits: WatchLimits };

/**
 * Returns the settings of `[notify]`. Secrets are in the environment or in files of the user's own, never in mdtool.toml. Throws a
 * `UsageError` that names the setting; with `only`, for names that no sink has.
 */
export function readNotifySettings(settings: Settings, environment: NodeJS.ProcessEnv, only?: readonly string[]): NotifySettings {
  const names = settings.tablesIn(SINK_TABLE);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`no sink ${unknown} in mdtool.toml${names.length > 0 ? `; there are ${names.join(', ')}` : ''}`);
  if (names.length === 0)
    throw new UsageError(
      'no sinks: add a table such as [notify.sinks.phone] with kind = "telegram" to mdtool.toml; docs/notify.md has them all',
    );
  const symbols = settings.tablesIn(NOTIFY_SYMBOL_TABLE);
  const bySymbol = <Value>(key: string, parse: (setting: Setting) => Value): Record<string, Value> =>
    Object.fromEntries(
      symbols.flatMap((symbol) => {
        const setting = settings.inFile(`${NOTIFY_SYMBOL_TABLE}.${symbol}`, key);
        return setting ? [[symbol, parse(setting)]] : [];
      }),
    );
  const general = (key: string) => settings.section(NOTIFY_TABLE, key);
  const near = general('liquidation_distance');
  const severities = bySymbol('minimum', severityOf);
  return {
    sinks: (only ?? names).map((name) => readSink(name, { settings, environment, general, severities })),
    limits: {
      stalled: durationOf(general('stalled') ?? { value: STALLED, source: 'default' }),
      liquidation: near && shareOf(near),
      liquidationBySymbol: bySymbol('liquidation_distance', shareOf),
    },
  };
}

const HEALTH = { capture_silent: '1m', capture_behind: '10s', clock_offset: '1s', disk_free: '1GB' } as const;

/** Returns from when on the health of a capture is an alarm. Throws a `UsageError` that names the setting. */
export function readHealthLimits(settings: Settings): HealthLimits {
  const of = (key: keyof typeof HEALTH): Setting =>
    settings.section(NOTIFY_TABLE, key) ?? { value: HEALTH[key], source: 'default' };
  return {
    silent: durationOf(of('capture_silent'), 1_000),
    behind: durationOf(of('capture_behind'), 1_000),
    clock: durationOf(of('clock_offset'), 100),
    free: sizeOf(of('disk_free')),
  };
}

function sizeOf({ value, source }: Setting): number {
  const bytes = parseSize(String(value));
  if (bytes === undefined) throw new UsageError(`${source}: expected a size such as 500MB or 1GB, was "${value}"`);
  return bytes;
}

type SinkContext = {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly general: (key: string) => Setting | undefined;
  readonly severities: Readonly<Record<string, Severity>>;
};

function readSink(name: string, { settings, environment, general, severities }: SinkContext): SinkEntry {
  if (!NAME.test(name)) throw new UsageError(`[${SINK_TABLE}.${name}]: expected a name of lower-case letters, digits and dashes`);
  const own = (key: string) => settings.inFile(`${SINK_TABLE}.${name}`, key);
  const text = (key: string) => textOf(own(key));
  const kind = text('kind');
  if (kind === undefined) throw new UsageError(`[${SINK_TABLE}.${name}]: missing kind`);
  const list = (key: string) => stringsOf(own(key)) ?? [];
  const quiet = own('quiet_hours') ?? general('quiet_hours');
  return {
    settings: {
      ...{ name, kind, chat: text('chat'), url: text('url'), from: text('from'), to: text('to') },
      secret: secretOf(name, text('secret_file'), environment),
      command: stringsOf(own('command')),
    },
    rules: {
      minimum: severityOf(own('minimum') ?? general('minimum') ?? { value: 'routine', source: 'default' }),
      quiet: quiet && quietOf(quiet),
      zone: timeZoneName(),
      ...{ runs: list('runs'), symbols: list('symbols'), kinds: list('kinds') },
      bySymbol: severities,
    },
  };
}

/** The environment goes before the file: a container has no file. */
function secretOf(name: string, path: string | undefined, environment: NodeJS.ProcessEnv): Secret | undefined {
  const value = valueOfEnvironment(environment, secretVariable(name)) ?? (path === undefined ? undefined : contentOf(path, name));
  return value === undefined ? undefined : new Secret(value.trim());
}

function contentOf(path: string, name: string): string {
  try {
    requirePrivate(path);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`notify sink ${name}: cannot read its secret_file ${path} (${code ?? 'unknown reason'})`);
  }
}

function textOf(setting: Setting | undefined): string | undefined {
  if (setting === undefined) return undefined;
  if (typeof setting.value === 'string' || typeof setting.value === 'number') return String(setting.value);
  throw new UsageError(`${setting.source}: expected a text`);
}

/** A list, or a text with commas. */
function stringsOf(setting: Setting | undefined): readonly string[] | undefined {
  if (setting === undefined) return undefined;
  const { value, source } = setting;
  if (typeof value === 'string') return listOf(value);
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value as string[];
  throw new UsageError(`${source}: expected a list of texts`);
}

function severityOf({ value, source }: Setting): Severity {
  if (SEVERITIES.includes(value as Severity)) return value as Severity;
  throw new UsageError(`${source}: expected one of ${SEVERITIES.join(', ')}, was "${value}"`);
}

function quietOf({ value, source }: Setting): QuietHours {
  const [, ...parts] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(String(value)) ?? [];
  const [hour = 99, minute = 99, untilHour = 99, untilMinute = 99] = parts.map(Number);
  if (hour > 23 || untilHour > 23 || minute > 59 || untilMinute > 59)
    throw new UsageError(`${source}: expected hours such as 22:00-07:00, was "${value}"`);
  return { from: hour * 60 + minute, until: untilHour * 60 + untilMinute };
}

function durationOf({ value, source }: Setting, least = 10_000): number {
  const duration = parseDuration(String(value), source) / 1_000;
  if (duration < least) throw new UsageError(`${source}: expected at least ${formatDuration(least * 1_000)}, was ${value}`);
  return duration;
}

function shareOf({ value, source }: Setting): number {
  try {
    const share = fractionOf(String(value)).toNumber();
    if (share > 0 && share < 1) return share;
  } catch {}
  throw new UsageError(`${source}: expected a percentage such as 10%, was "${value}"`);
}
