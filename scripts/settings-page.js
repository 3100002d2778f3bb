import { readFileSync } from 'node:fs';
import { SHARED_FLAGS } from '../dist/lib/cli/flags.js';
import { COUNTS, DURATIONS, PACING_NOTES, PLANNING, RUN_COUNTS, RUN_DURATIONS } from '../dist/lib/cli/pacing-keys.js';
import { buildSettingNames, keyOf, variableOf } from '../dist/lib/cli/setting-names.js';
import { EXCHANGES } from '../dist/lib/exchanges/index.js';
import { formatDuration } from '../dist/lib/model/time.js';

const { commands } = JSON.parse(readFileSync(new URL('../oclif.manifest.json', import.meta.url), 'utf8'));
const named = Object.values(commands).map(({ id, flags }) => ({ id, flags: Object.keys(flags) }));
const { tables } = buildSettingNames(named);
const shared = new Set(SHARED_FLAGS.map(keyOf));

const milliseconds = (value) => (value === 0 ? '0' : formatDuration(value * 1000));
const cell = (value) => (value === undefined || value === '' || value === false ? '' : `\`${value}\``);
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
const flagOf = (flags, key) => Object.values(flags).find(({ name }) => keyOf(name) === key);
const allFlags = Object.assign({}, ...Object.values(commands).map(({ flags }) => flags));

const rowsOf = (flags, keys) =>
  [...keys].sort().map((key) => {
    const { default: value, summary = '' } = flagOf(flags, key);
    return [`\`${key}\``, `\`${variableOf(key)}\``, cell(value), summary.replaceAll('|', '\\|')];
  });

const HEAD = ['key', 'variable', 'default', 'meaning'];
const ofCommand = ({ id, flags }) => {
  const name = id.replaceAll(':', '.');
  const own = [...(tables.get(name) ?? [])].filter((key) => !shared.has(key));
  return own.length === 0 ? [] : [`## \`[${name}]\`\n\n${table(HEAD, rowsOf(flags, own))}`];
};

const pacingRows = Object.keys({ ...DURATIONS, ...COUNTS, ...PLANNING }).map((key) => {
  const defaults = EXCHANGES.map(({ live }) => {
    const pacing = live.pacing('linear');
    if (key in DURATIONS) return cell(milliseconds(pacing[DURATIONS[key]]));
    return key in COUNTS ? cell(pacing[COUNTS[key]]) : '';
  });
  return [`\`${key}\``, ...defaults, PACING_NOTES[key]];
});
const runRows = [
  ...Object.entries(RUN_DURATIONS).map(([key, value]) => [key, formatDuration(value)]),
  ...Object.entries(RUN_COUNTS),
].map(([key, value]) => [`\`${key}\``, cell(value), PACING_NOTES[key]]);

const prefixes = EXCHANGES.map(({ id }) => `\`${id}_\``).join(' or ');
/** Returns the origins of all markets, each once. */
const perMarket = (markets, originOf) => [...new Set(markets.map(originOf))].join(', ');
const origins = EXCHANGES.flatMap(({ id, markets, origins: originsOf }) => [
  [`\`${id}_ws_url\``, `\`${variableOf(`${id}_ws_url`)}\``, cell(perMarket(markets, (market) => originsOf(market).websocket))],
  [`\`${id}_rest_url\``, `\`${variableOf(`${id}_rest_url`)}\``, cell(perMarket(markets, (market) => originsOf(market).rest))],
]);

/** The reference of settings, from the commands' own flags and the defaults in code. */
export const settingsPage = `# Settings

Every setting, generated from the commands by \`npm run build\`. A flag goes before an environment variable, that before
\`./mdtool.toml\`, that before \`$XDG_CONFIG_HOME/mdtool/mdtool.toml\`, that before the default. \`--config FILE\` (\`MDTOOL_CONFIG\`)
names another file. Unknown keys and variables are errors. A key may be spelled with \`_\` or \`-\`.

What several commands share stands at the top level, what is one command's own in its table; a table may also hold a shared
key, for that command alone. \`config\`, \`json\` and \`force\` are for the command line only.

## Top level

${table(HEAD, rowsOf(allFlags, tables.get('')))}

${Object.values(commands).flatMap(ofCommand).join('\n\n')}

\`[signals.symbols.SYMBOL]\` holds the rules of one symbol; \`explain\`, \`follow\` and \`every\` are none of them.

## \`[endpoints]\`

Origins, to which the adapter appends its own paths: for proxies, regional hosts and tests.

${table(['key', 'variable', 'default'], origins)}

## \`[pacing]\`

How live captures treat an exchange. The keys of the first table have ${prefixes} in front:
\`bitget_connect_pause = "2s"\`, \`MDTOOL_BITGET_CONNECT_PAUSE=2s\`.

${table(['key', ...EXCHANGES.map(({ name }) => name), 'meaning'], pacingRows)}

Of the whole run:

${table(['key', 'default', 'meaning'], runRows)}

## Variables of others that are honoured

\`REDIS_HOST\`, \`REDIS_PORT\` and \`REDIS_PASSWORD\` complete \`-o redis://…\`. \`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` are used
for requests and WebSockets, \`NODE_EXTRA_CA_CERTS\` for certificates. \`NO_COLOR\` turns colours off.
`;
