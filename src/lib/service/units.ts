import { UsageError } from '../model/errors.js';

/** A service of systemd, of the system or of the user who installs it. */
export type Scope = 'system' | 'user';

/** A part of mdtool that runs as a service, and what starts it. */
type Part = {
  /** The command without flags. */
  readonly command: string;
  /** The files in packaging/systemd, the one that is enabled first. */
  readonly files: readonly [string, ...string[]];
};

const timed = (name: string): Part => ({ command: name, files: [`mdtool-${name}.timer`, `mdtool-${name}.service`] });
const endless = (name: string, command = name): Part => ({ command, files: [`mdtool-${name}.service`] });

/** Each part of mdtool that runs as a service. */
export const PARTS: Readonly<Record<string, Part>> = {
  stream: endless('stream'),
  candles: timed('candles'),
  features: timed('features'),
  signals: timed('signals'),
  compact: timed('compact'),
  verify: timed('verify'),
  notify: endless('notify', 'notify run'),
  grid: { command: 'grid run', files: ['mdtool-grid@.service'] },
};

/** What `service install` installs without a name: capture, and all that keeps a store up to date. */
export const USUAL_PARTS = ['stream', 'candles', 'features', 'signals', 'compact', 'verify'] as const;

/** One service to install. */
export type Service = {
  readonly part: string;
  /** Name of the grid run. */
  readonly run?: string | undefined;
  /** Flags of the command; the ones of the unit where there are none. */
  readonly flags?: readonly string[] | undefined;
};

/** Name of the unit that is enabled: `mdtool-candles.timer`, `mdtool-grid@eth.service`. */
export function unitOf({ part, run }: Service): string {
  return partOf(part).files[0].replace('@.', `@${run}.`);
}

/** Name of the service that a part runs as: its own settings lie in `<name>.d/`. */
export function serviceOf({ part, run }: Service): string {
  const files = partOf(part).files;
  return (files[1] ?? files[0]).replace('@.', `@${run}.`);
}

export function partOf(name: string): Part {
  const part = PARTS[name];
  if (!part) throw new UsageError(`${name} is no service; expected ${Object.keys(PARTS).join(', ')}`);
  return part;
}

/**
 * Returns the settings of one service: the folders where mdtool and node lie, and the command with its flags. Undefined where
 * the unit alone is right.
 */
export function commandSettings(service: Service, folders: readonly string[]): string | undefined {
  const path = folders.filter((folder) => !DEFAULT_PATH.includes(folder));
  const lines = path.length > 0 ? [`Environment=${quoted(`PATH=${[...path, ...DEFAULT_PATH].join(':')}`)}`] : [];
  const { flags = [], run } = service;
  if (flags.length > 0 && service.part === 'verify') {
    throw new UsageError('verify is a pipe of two steps: put its settings into mdtool.toml');
  }
  if (flags.length > 0 || run !== undefined) {
    const words = [...partOf(service.part).command.split(' '), ...(run === undefined ? [] : [run]), ...flags];
    // The empty line takes back the command of the unit: a oneshot service would run both.
    lines.push('ExecStart=', `ExecStart=/usr/bin/env mdtool ${words.map(quoted).join(' ')}`);
  }
  return lines.length > 0 ? `[Service]\n${lines.join('\n')}\n` : undefined;
}

/** The folders that systemd looks for programs in. */
const DEFAULT_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** A word of a command line as systemd reads it (systemd.syntax, systemd.service): `%` and `$` stand for something else there. */
function quoted(word: string): string {
  if (/[\n\r\0]/.test(word)) throw new UsageError(`a flag with a line break cannot stand in a unit: ${JSON.stringify(word)}`);
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@:,./=+%$-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
