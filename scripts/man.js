#!/usr/bin/env node
// Writes the manual page dist/mdtool.1 from the same texts as `mdtool COMMAND --help`, and the exit codes of docs/outputs.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GLOBAL_GROUP } from '../dist/lib/cli/help-layout.js';
import { argumentRow, flagRow, groupsOf } from '../dist/lib/cli/help-page.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { version, description } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
const { commands } = JSON.parse(readFileSync(`${ROOT}oclif.manifest.json`, 'utf8'));

/** A character that begins a request where it stands first in a line, and those that mean something to roff anywhere. */
const text = (words) =>
  words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^\./, '\\&.');
const quoted = (words) => `"${text(words).replaceAll('"', '\\(dq')}"`;
const paragraphs = (words) =>
  words
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== '')
    .flatMap((paragraph) => ['.PP', text(paragraph)]);
const rows = (list) =>
  list.flatMap(([label, meaning]) => ['.TP', `\\fB${text(label)}\\fR`, text(meaning === '' ? '–' : meaning)]);

function commandLines({ id, summary, description: details = '', examples = [], args, flags }) {
  const name = `mdtool ${id.replaceAll(':', ' ')}`;
  const rendered = (words) =>
    words.replaceAll('<%= config.bin %>', 'mdtool').replaceAll('<%= command.id %>', id.replaceAll(':', ' '));
  const shown = Object.values(flags).filter(({ hidden }) => !hidden);
  const inputs = Object.values(args).map(argumentRow);
  const required = shown.filter((flag) => flag.required).map((flag) => flagRow(flag)[0]);
  const explained = shown.filter((flag) => flag.summary && flag.description);
  return [
    `.SS ${quoted(name)}`,
    text(summary),
    '.PP',
    `\\fB${text(name)}\\fR ${text([...inputs.map(([label]) => label), ...required, '[flags]'].join(' '))}`,
    ...rows(inputs),
    ...groupsOf(shown).flatMap(([, list]) => rows(list.map(flagRow))),
    ...paragraphs(rendered(details)),
    ...explained.flatMap((flag) => paragraphs(`--${flag.name}: ${rendered(flag.description)}`)),
    ...examples.flatMap(exampleLines(rendered)),
  ];
}

const exampleLines = (rendered) => (example) => {
  const { description: about = '', command } = typeof example === 'string' ? { command: example } : example;
  return [...(about === '' ? [] : ['.PP', text(rendered(about))]), '.PP', '.nf', `    $ ${text(rendered(command))}`, '.fi'];
};

const globals = Object.values(commands.candles.flags).filter(({ helpGroup }) => helpGroup === GLOBAL_GROUP);
const outputs = readFileSync(`${ROOT}docs/outputs.md`, 'utf8');
const exits = [...outputs.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
const written = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000).toISOString().slice(0, 10);

const page = [
  `.TH MDTOOL 1 ${written} ${quoted(`mdtool ${version}`)} ${quoted('mdtool')}`,
  '.SH NAME',
  'mdtool \\- crypto market data on the command line',
  '.SH SYNOPSIS',
  '\\fBmdtool\\fR \\fICOMMAND\\fR [\\fIINPUT\\fR...] [\\fIflags\\fR]',
  '.SH DESCRIPTION',
  text(description),
  '.SH COMMANDS',
  ...Object.values(commands).flatMap(commandLines),
  '.SH "GLOBAL FLAGS"',
  'Every command has these.',
  ...rows(globals.map(flagRow)),
  '.SH "EXIT STATUS"',
  ...rows(exits),
  '.SH ENVIRONMENT',
  text('MDTOOL_FLAG sets a flag: MDTOOL_STORE is --store, MDTOOL_CANDLES_INTERVAL is --interval of candles.'),
  '.SH FILES',
  ...rows([
    ['./mdtool.toml', 'settings of a project'],
    ['$XDG_CONFIG_HOME/mdtool/mdtool.toml', 'settings of a user'],
    ['./data', 'the store, unless --store names another'],
  ]),
];
writeFileSync(`${ROOT}dist/mdtool.1`, `${page.join('\n')}\n`);
