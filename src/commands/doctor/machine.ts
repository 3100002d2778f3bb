import { readFileSync } from 'node:fs';
import { arch, availableParallelism, platform, totalmem } from 'node:os';
import { redact } from '../../lib/cli/redaction.js';
import { formatSize } from '../../lib/model/number-format.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** Open files that a capture of every symbol with its store and its child process needs, with a margin. */
const ENOUGH_FILES = 1024;
/** Lower-case names count before upper-case ones. */
const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

/** Checks Node, the machine, DuckDB and the proxy. `engine` is the range of versions that the package names. */
export async function checkMachine(engine: string, environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  return [nodeFinding(engine), machineFinding(), await duckdbFinding(), ...filesFinding(), proxyFinding(environment)];
}

function nodeFinding(engine: string): Finding {
  const floor = engine.replace(/^[^\d]*/, '');
  const text = `${process.version}, ${platform()} ${arch()}`;
  return isAtLeast(process.versions.node, floor)
    ? ok('node', text)
    : fail('node', `${text}: mdtool needs Node ${floor} or newer; install it`);
}

function isAtLeast(version: string, floor: string): boolean {
  const [own, least] = [version, floor].map((text) => text.split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (own?.[part] ?? 0) - (least?.[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function machineFinding(): Finding {
  const cores = availableParallelism();
  return ok('machine', `${cores} ${cores === 1 ? 'core' : 'cores'}, ${formatSize(totalmem())} of memory`);
}

/** DuckDB is a binary: on an unsupported platform, or after an install that left it out, it does not load. */
async function duckdbFinding(): Promise<Finding> {
  try {
    const { version } = (await import('@duckdb/node-api')).default;
    return ok('duckdb', version());
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    return fail('duckdb', `does not load: ${reason}; install mdtool again on this machine`);
  }
}

/** Linux only: other systems have no file for it. */
function filesFinding(): Finding[] {
  const limit = openFiles();
  if (limit === undefined) return [];
  const text = `${limit === Number.POSITIVE_INFINITY ? 'any number of' : limit} open files`;
  return [limit >= ENOUGH_FILES ? ok('limits', text) : warn('limits', `${text}: raise it with ulimit -n ${ENOUGH_FILES}`)];
}

function openFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return undefined;
  }
}

function proxyFinding(environment: NodeJS.ProcessEnv): Finding {
  const named = PROXIES.flatMap((name) => {
    const value = environment[name.toLowerCase()] || environment[name];
    return value ? [{ name, value }] : [];
  });
  if (named.length === 0) return ok('proxy', 'none');
  const broken = named.find(({ name, value }) => name !== 'NO_PROXY' && !URL.canParse(value));
  const text = named.map(({ name, value }) => `${name}=${redact(value)}`).join(' ');
  return broken === undefined
    ? ok('proxy', text)
    : fail('proxy', `${broken.name}: expected a URL, was "${redact(broken.value)}"`);
}
