import { describe, expect, it } from 'vitest';
import { HelpPages } from '../../../src/lib/cli/help-page.js';
import { readManifest, readProgram } from '../../../src/lib/cli/manifest.js';
import { mdtool } from '../../support/mdtool.js';
import { mdtoolHere } from '../../support/mdtool-here.js';

const { commands } = readManifest();
const NAMES = Object.keys(commands).map((id) => id.replaceAll(':', ' '));

const help = (name: string, width = 80) => {
  const pages = new HelpPages({ manifest: readManifest(), program: readProgram(), width, heading: (title) => title });
  return (pages.page(name.split(' ').filter((word) => word !== '')) ?? '').replace(/\n$/, '').split('\n');
};
const section = (lines: readonly string[], title: string) => {
  const start = lines.indexOf(title);
  return { start, body: lines.slice(start + 1, lines.indexOf('', start)) };
};

describe('help of a command', () => {
  it.each(NAMES)('%s: summary, usage and two examples stand on the first screen; no line is wider than it', async (name) => {
    const lines = help(name);
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
    const [narrow, wide, wider] = [help('stream', 80), help('stream', 120), help('stream', 200)];
    expect(widest(narrow)).toBeLessThanOrEqual(80);
    expect(widest(wide)).toBeGreaterThan(100);
    expect(widest(wide)).toBeLessThanOrEqual(120);
    expect(wider).toEqual(wide);
    expect(wide.length).toBeLessThan(narrow.length);
  });

  it('shows placeholder, choices and default of a flag in one style', async () => {
    const lines = help('candles');
    expect(lines).toContain('  $ mdtool candles [INPUT...] [flags]');
    const text = lines.join(' ').replace(/\s+/g, ' ');
    expect(text).toContain('--interval LIST ');
    expect(text).toMatch(/--empty CHOICE [^[]*\[one of skip, flat, null; default: skip\]/);
    expect(text).toMatch(/--store DIR Store: a directory, or s3:\/\/BUCKET\/PREFIX\. \[default: \.\/data\]/);
    expect(lines.filter((line) => /^\S/.test(line) && line.toUpperCase() === line && line !== '')).toEqual([]);
  });

  it('continues a long example so that a shell reads it as one command', async () => {
    const lines = help('backfill');
    const start = lines.findIndex((line) => line.endsWith(' \\'));
    expect(start).toBeGreaterThan(0);
    expect(lines[start + 1]).toMatch(/^ {6}\S/);
  });
});

describe('flags', () => {
  const flags = Object.values(commands).flatMap(({ id, flags }) => Object.values(flags).map((flag) => ({ id, ...flag })));

  it('have placeholders that name a kind of value, never a sample', () => {
    const samples = flags.filter(
      ({ helpValue }) =>
        helpValue !== undefined && !/^[A-Z][A-Z:=/|.]*$|^signals\|grid\|FILE$|^FILES\|store$|^day\|SIZE$/.test(String(helpValue)),
    );
    expect(samples.map(({ id, name, helpValue }) => `${id} --${name} ${helpValue}`)).toEqual([]);
  });

  it('have their default beside the summary, not in it', () => {
    expect(flags.filter(({ summary = '' }) => /default:/i.test(summary)).map(({ id, name }) => `${id} --${name}`)).toEqual([]);
  });
});

describe('help of mdtool', () => {
  it('lists every command in one line each', async () => {
    const lines = help('');
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
    expect(stdout).toBe(`${help('flags').join('\n')}\n`);
    for (const flag of ['--config FILE', '--json', '--log-format CHOICE', '--log-level CHOICE', '--quiet'])
      expect(stdout).toContain(flag);
    for (const kind of ['LIST', 'DURATION', 'TIME', 'PERCENT', 'DEST']) expect(stdout).toMatch(new RegExp(`^  ${kind} `, 'm'));
  });

  it('shows the commands of a topic, and refuses an unknown one', async () => {
    expect(help('grid').some((line) => line.startsWith('  grid plan  '))).toBe(true);
    expect((await mdtool(['help', 'candels'])).code).toBe(2);
    expect((await mdtoolHere(['candels'])).stderr).toBe('mdtool: unknown command "candels"; did you mean candles?\n');
  });
});
