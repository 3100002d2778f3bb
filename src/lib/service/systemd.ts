import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../disk/package-files.js';
import { systemReason } from '../disk/system-reason.js';
import { FailureError } from '../model/errors.js';
import { commandSettings, PARTS, partOf, type Scope, type Service, serviceOf, unitOf } from './units.js';

const run = promisify(execFile);
const PACKAGED = packageFile('packaging/systemd/');
const NOTE = '# Written by mdtool service install, which replaces it. Changes of your own: systemctl edit.\n';
const SHARED = 'mdtool-.service.d';
const SYSUSERS = 'sysusers.d/mdtool.conf';

export type Plan = {
  /** Path and text of every file to write. */
  readonly files: ReadonlyMap<string, string>;
  /** Command lines to run afterwards, in this order. */
  readonly commands: readonly (readonly string[])[];
};

type Place = {
  readonly scope: Scope;
  /** Root of the system to install into, as of systemctl: an image that is being built. */
  readonly root?: string | undefined;
};

type Installation = Place & {
  readonly services: readonly Service[];
  /** The folders of mdtool and of node. */
  readonly folders: readonly string[];
  /** Whether the services are also enabled and started. */
  readonly enable: boolean;
};

/** Returns what an installation writes and runs. */
export function planInstallation({ services, folders, enable, ...place }: Installation): Plan {
  const units = unitFolder(place);
  const files = new Map([[join(units, SHARED, `${place.scope}.conf`), packaged(`${SHARED}/${place.scope}.conf`)]]);
  if (place.scope === 'system') files.set(sysusersFile(place), packaged('mdtool.sysusers'));
  for (const service of services) {
    for (const file of partOf(service.part).files) files.set(join(units, file), packaged(file));
    const settings = commandSettings(service, folders);
    if (settings !== undefined) files.set(commandFile(units, service), NOTE + settings);
  }
  const commands: string[][] = [];
  if (place.scope === 'system') commands.push(['systemd-sysusers', ...rootFlag(place), sysusersFile(place)]);
  if (place.root === undefined) commands.push([...systemctl(place), 'daemon-reload']);
  if (enable) {
    const now = place.root === undefined ? ['--now'] : [];
    commands.push([...systemctl(place), 'enable', ...now, ...services.map(unitOf)]);
  }
  return { files, commands };
}

/** Writes the files and runs the commands. Throws a `FailureError` that names the file or the command that failed. */
export async function carryOut({ files, commands }: Plan): Promise<void> {
  for (const [path, text] of files) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    } catch (error) {
      throw new FailureError(`cannot write ${path}: ${systemReason(error)}${adviceFor(error)}`, { cause: error });
    }
  }
  for (const command of commands) await execute(command);
}

/**
 * Stops and disables services and removes their files; with the last one also what all shared. The store, the settings and the
 * system's user stay. Returns the removed files.
 */
export async function removeServices(services: readonly Service[], place: Place): Promise<string[]> {
  const units = unitFolder(place);
  const present = services.filter((service) => existsSync(join(units, partOf(service.part).files[0])));
  if (present.length === 0) return [];
  const now = place.root === undefined ? ['--now'] : [];
  await execute([...systemctl(place), 'disable', ...now, ...present.map(unitOf)]);
  const removed = present.map((service) => commandFile(units, service)).filter(existsSync);
  await removeFiles(removed);
  // The template of the grid stays as long as another run has settings for it.
  const runs = await namesIn(units, /^mdtool-grid@.+\.service\.d$/);
  for (const { part } of present) {
    if (part === 'grid' && runs.length > 0) continue;
    removed.push(
      ...partOf(part)
        .files.map((file) => join(units, file))
        .filter(existsSync),
    );
  }
  const left = (await namesIn(units, /^mdtool-.*\.(?:service|timer)$/)).filter((name) => !removed.includes(join(units, name)));
  if (left.length === 0) removed.push(...[join(units, SHARED, `${place.scope}.conf`), sysusersFile(place)].filter(existsSync));
  await removeFiles(removed);
  if (place.root === undefined) await execute([...systemctl(place), 'daemon-reload']);
  return removed;
}

/** Returns the services that are installed. */
export async function installedServices(place: Place): Promise<Service[]> {
  const units = unitFolder(place);
  const runs = (await namesIn(units, /^mdtool-grid@.+\.service\.d$/)).map((name) => /@(.+)\.service\.d$/.exec(name)?.[1]);
  const parts = Object.keys(PARTS).filter((part) => part !== 'grid' && existsSync(join(units, partOf(part).files[0])));
  return [...parts.map((part) => ({ part })), ...runs.map((name) => ({ part: 'grid', run: name }))];
}

function unitFolder({ scope, root = '/' }: Place): string {
  if (scope === 'system') return join(root, 'etc/systemd/system');
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd/user');
}

function sysusersFile({ root = '/' }: Place): string {
  return join(root, 'etc', SYSUSERS);
}

function commandFile(units: string, service: Service): string {
  return join(units, `${serviceOf(service)}.d`, 'command.conf');
}

function packaged(file: string): string {
  return NOTE + readFileSync(PACKAGED + file, 'utf8');
}

function systemctl({ scope, root }: Place): string[] {
  return ['systemctl', ...(scope === 'user' ? ['--user'] : []), ...rootFlag({ scope, root })];
}

function rootFlag({ root }: Place): string[] {
  return root === undefined ? [] : [`--root=${root}`];
}

async function execute(command: readonly string[]): Promise<void> {
  const [program = '', ...args] = command;
  try {
    await run(program, args);
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new FailureError(`${program} is not installed: this machine has no systemd; docs/operations.md has lines for cron`);
    }
    const reason = stderr.trim().split('\n').at(-1) || (error as Error).message;
    throw new FailureError(`${command.join(' ')} failed: ${reason}`, { cause: error });
  }
}

function adviceFor(error: unknown): string {
  return systemReason(error) === 'permission denied' ? '; run it as root, or install with --user' : '';
}

async function namesIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => pattern.test(name)).sort();
}

/** Removes files, and their folders where nothing is left in them: a person may have put settings beside ours. */
async function removeFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await rm(path, { force: true });
    if (path.endsWith('.conf')) await rmdir(dirname(path)).catch(() => {});
  }
}
