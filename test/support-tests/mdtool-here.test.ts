import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from '../support/frames.js';
import { type Finished, mdtool, type RunOptions } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const TAPE = fixture('bybit-v5.tape.ndjson.gz');
const folder = mkdtempSync(join(tmpdir(), 'mdtool-here-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command line prints, without what the clock of the machine gives. */
function withoutClock({ stdout, stderr, code }: Finished): Finished {
  const plain = (text: string) =>
    text
      .replace(/\b[\d.]+ s\b/g, '… s')
      .replace(/"(seconds|time|timestamp|started|ended|[a-z]+_timestamp)": ?(?:[\d.]+|"[^"]*Z")/g, '"$1":…')
      .replace(/^\S+Z (?=(info|warn))/gm, '… ');
  return { stdout: plain(stdout), stderr: plain(stderr), code };
}

describe('a command line run within this process', () => {
  it.each<[string[], RunOptions?]>([
    [['--help']],
    [['strem', '--json']],
    [['symbols'], { env: { MDTOOL_FROMAT: 'csv' } }],
    [['stream', '--depth', '0', '--log-format', 'json']],
    [['stream', '--replay', TAPE, '--channels', 'trade,ticker', '-o', '-']],
    [['stream', '--replay', TAPE, '-o', 'store', '--store', 'one', '--json'], { cwd: folder }],
    [['candles', '-', '--interval', '1s'], { input: '{"type":"trade"}\nnonsense\n' }],
    [['grid', 'plan', '--deposit', '1000', '--price', '100', '--format', 'csv', '-o', '{type}.csv', '--force'], { cwd: folder }],
  ])('%j gives what a process of its own gives', async (args, options) => {
    const own = withoutClock(await mdtool(args, options));
    rmSync(join(folder, 'one'), { recursive: true, force: true });
    expect(withoutClock(await mdtoolHere(args, options))).toEqual(own);
  });

  it('leaves streams, environment, directory, exit code and listeners as they were', async () => {
    const state = () => [
      ...[process.stdin, process.stdout, process.stderr, process.env, console, process.cwd(), process.exitCode],
      ...['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name)),
    ];
    const before = state();
    const results = ['--bogus', '--format=csv'].map((flag) => mdtoolHere(['symbols', '--replay', TAPE, flag], { cwd: folder }));
    expect((await Promise.all(results)).map(({ code }) => code)).toEqual([2, 0]);
    for (const [index, value] of state().entries()) expect(value).toBe(before[index]);
  });
});
