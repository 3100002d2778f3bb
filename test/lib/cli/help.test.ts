import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '@oclif/core';
import { describe, expect, it } from 'vitest';
import PlainHelp from '../../../src/lib/cli/help.js';
import { mdtool, ROOT } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

type ManifestFlag = { readonly type: string; readonly summary?: string; readonly helpValue?: string; readonly default?: unknown };
type ManifestCommand = { readonly id: string; readonly summary: string; readonly flags: Readonly<Record<string, ManifestFlag>> };
const { commands } = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as {
  readonly commands: Readonly<Record<string, ManifestCommand>>;
};
const NAMES = Object.keys(commands).map((id) => id.replaceAll(':', ' '));

/** The help class at a width, with what it prints. */
class Printed extends PlainHelp {
  readonly lines: string[] = [];

  protected override log(...args: string[]): void {
    this.lines.push(...args.join(' ').split('\n'));
  }
}

const help = async (name: string, maxWidth = 80) => {
  const printed = new Printed(await Config.load(ROOT), { maxWidth });
  await printed.showHelp(name.split(' '));
  return printed.lines;
};
const section = (lines: readonly string[], title: string) => {
  const start = lines.indexOf(title);
  return { start, body: lines.slice(start + 1, lines.indexOf('', start)) };
};

describe('help of a command', () => {
  it.each(NAMES)('%s: summary, usage and two examples stand on the first screen; no line is wider than it', async (name) => {
    const lines = await help(name);
    expect(lines[0]).toBe(commands[name.replaceAll(' ', ':')]?.summary);
    expect(section(lines, 'Usage').start).toBe(2);
    expect(section(lines, 'Usage').body).toHaveLength(1);
    const examples = section(lines, 'Examples');
    const starts = examples.body.flatMap((line, index) => (line.startsWith('  $ mdtool ') ? [index] : []));
    expect(starts.length).toBeGreaterThanOrEqual(2);
    expect(examples.start + (starts[2] ?? examples.body.length)).toBeLessThan(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines).toContain('Global flags (--json, --quiet, --config, --log-level, …): see mdtool help flags');
  });

  it('uses the width of a wider terminal, up to 120 columns', async () => {
    const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));
    const [narrow, wide, wider] = [await help('stream', 80), await help('stream', 120), await help('stream', 200)];
    expect(widest(narrow)).toBeLessThanOrEqual(80);
    expect(widest(wide)).toBeGreaterThan(100);
    expect(widest(wide)).toBeLessThanOrEqual(120);
    expect(wider).toEqual(wide);
    expect(wide.length).toBeLessThan(narrow.length);
  });

  it('shows placeholder, choices and default of a flag in one style', async () => {
    const lines = await help('candles');
    expect(lines).toContain('  $ mdtool candles [INPUT...] [flags]');
    const text = lines.join(' ').replace(/\s+/g, ' ');
    expect(text).toContain('--interval LIST ');
    expect(text).toMatch(/--empty CHOICE [^[]*\[one of skip, flat, null; default: skip\]/);
    expect(text).toMatch(/--store DIR Store: a directory, or s3:\/\/BUCKET\/PREFIX\. \[default: \.\/data\]/);
    expect(lines.filter((line) => /^\S/.test(line) && line.toUpperCase() === line && line !== '')).toEqual([]);
  });

  it('continues a long example so that a shell reads it as one command', async () => {
    const lines = await help('backfill');
    const start = lines.findIndex((line) => line.endsWith(' \\'));
    expect(start).toBeGreaterThan(0);
    expect(lines[start + 1]).toMatch(/^ {6}\S/);
  });
});

describe('flags', () => {
  const flags = Object.values(commands).flatMap(({ id, flags }) =>
    Object.entries(flags).map(([name, flag]) => ({ id, name, ...flag })),
  );

  it('have placeholders that name a kind of value, never a sample', () => {
    const samples = flags.filter(
      ({ helpValue }) =>
        helpValue !== undefined && !/^[A-Z][A-Z:=/|.]*$|^signals\|grid\|FILE$|^FILES\|store$|^day\|SIZE$/.test(helpValue),
    );
    expect(samples.map(({ id, name, helpValue }) => `${id} --${name} ${helpValue}`)).toEqual([]);
  });

  it('have their default beside the summary, not in it', () => {
    expect(flags.filter(({ summary = '' }) => /default:/i.test(summary)).map(({ id, name }) => `${id} --${name}`)).toEqual([]);
  });
});

describe('help of mdtool', () => {
  it('lists every command in one line each', async () => {
    const lines = await help('');
    const listed = section(lines, 'Commands').body;
    for (const name of NAMES) {
      const [topic, member] = name.split(' ');
      const inTopic = (line: string) => line.startsWith(`  ${topic} `) && new RegExp(`[:,] ${member}[,.]`).test(line);
      expect(listed.some((line) => line.startsWith(`  ${name}  `) || inTopic(line))).toBe(true);
    }
    expect(listed.filter((line) => line.startsWith('    '))).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(40);
  });

  it('explains the global flags and the kinds of values as a topic', async () => {
    const { stdout, code } = await mdtool(['help', 'flags']);
    expect(code).toBe(0);
    expect(stdout).toBe(`${(await help('flags')).join('\n')}\n`);
    for (const flag of ['--config FILE', '--json', '--log-format CHOICE', '--log-level CHOICE', '--quiet'])
      expect(stdout).toContain(flag);
    for (const kind of ['LIST', 'DURATION', 'TIME', 'PERCENT', 'DEST']) expect(stdout).toMatch(new RegExp(`^  ${kind} `, 'm'));
  });

  it('shows the commands of a topic, and refuses an unknown one', async () => {
    expect((await help('grid')).some((line) => line.startsWith('  grid plan  '))).toBe(true);
    expect((await mdtool(['help', 'candels'])).code).toBe(2);
    expect((await mdtoolHere(['candels'])).stderr).toBe('mdtool: unknown command "candels"; did you mean candles?\n');
  });
});
