import { readFileSync } from 'node:fs';
import { SHARED_FLAGS } from '../dist/lib/cli/flags.js';
import { NOTIFY_NOTES, NOTIFY_SYMBOL_NOTES, SINK_NOTES } from '../dist/lib/cli/notify-keys.js';
import { COUNTS, DURATIONS, PACING_NOTES, PLANNING, RUN_COUNTS, RUN_DURATIONS } from '../dist/lib/cli/pacing-keys.js';
import { buildSettingNames, keyOf, variableOf } from '../dist/lib/cli/setting-names.js';
import { EXCHANGES } from '../dist/lib/exchanges/index.js';
import { formatDuration } from '../dist/lib/model/time.js';
import { keyVariables } from '../dist/lib/secrets/environment.js';

const { commands } = JSON.parse(readFileSync(new URL('../oclif.manifest.json', import.meta.url), 'utf8'));
const named = Object.values(commands).map(({ id, flags }) => ({ id, flags: Object.keys(flags) }));
const { tables } = buildSettingNames(named);
const shared = new Set(SHARED_FLAGS.map(keyOf));

const milliseconds = (value) => (value === 0 ? '0' : formatDuration(value * 1000));
const cell = (value) => (value === undefined || value === '' || value === false ? '' : `\`${value}\``);
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
const flagOf = (flags, key) => Object.values(flags).find(({ name }) => keyOf(name) === key);
// `worker` gives --store and --status a meaning of its own: any other command explains them.
const others = Object.values(commands).filter(({ id }) => id !== 'worker');
const allFlags = Object.assign({}, commands.worker.flags, ...others.map(({ flags }) => flags));

const rowsOf = (flags, keys) =>
  [...keys].sort().map((key) => {
    const { default: value, summary = '' } = flagOf(flags, key);
    return [`\`${key}\``, `\`${variableOf(key)}\``, cell(value), summary.replaceAll('|', '\\|')];
  });

const HEAD = ['key', 'variable', 'default', 'meaning'];
const ofCommand = ({ id, flags }) => {
  const name = id.replaceAll(':', '.');
  const own = [...(tables.get(name) ?? [])].filter((key) => !shared.has(key) && flagOf(flags, key));
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
const origins = EXCHANGES.flatMap(({ id, markets, origins: originsOf, privateSide }) => {
  const { live, demo } = privateSide?.origins ?? {};
  const defaults = {
    ws_url: perMarket(markets, (market) => originsOf(market).websocket),
    rest_url: perMarket(markets, (market) => originsOf(market).rest),
    ...(privateSide && { private_ws_url: live.websocket, demo_rest_url: demo.rest, demo_ws_url: demo.websocket }),
  };
  return Object.entries(defaults).map(([key, value]) => [`\`${id}_${key}\``, `\`${variableOf(`${id}_${key}`)}\``, cell(value)]);
});
const keyNames = keyVariables(EXCHANGES.filter(({ privateSide }) => privateSide).map(({ id }) => id))
  .map((name) => `\`${name}\``)
  .join(', ');

const noteRows = (notes) => Object.entries(notes).map(([key, [meaning, value]]) => [`\`${key}\``, cell(value), meaning]);
const NOTE_HEAD = ['key', 'default', 'meaning'];

/** The reference of settings, from the commands' own flags and the defaults in code. */
export const settingsPage = `# Settings

All settings, generated from the commands by \`npm run build\`. Precedence: flag, environment variable, \`./mdtool.toml\`,
\`$XDG_CONFIG_HOME/mdtool/mdtool.toml\`, default. \`--config FILE\` (\`MDTOOL_CONFIG\`) names another file. Unknown keys and
variables are errors. Keys may be written with \`_\` or \`-\`.

Shared settings are at the top level, settings of one command in its table. A table may also set a shared key for its command
alone. \`config\`, \`json\` and \`force\` can only be set on the command line.

## Top level

${table(HEAD, rowsOf(allFlags, tables.get('')))}

${Object.values(commands).flatMap(ofCommand).join('\n\n')}

\`[signals.symbols.SYMBOL]\` sets the rules of one symbol, except \`explain\`, \`follow\` and \`every\`.

## \`[endpoints]\`

Origins of the exchanges, without a path: for proxies, regional hosts and tests.

${table(['key', 'variable', 'default'], origins)}

\`private_ws_url\` and the \`demo_\` keys are used with a key of an account (docs/account.md). Keys themselves come from
variables alone, or from \`mdtool keys add\`, never from this file: ${keyNames}.

## \`[pacing]\`

Pacing of live captures. The keys of the first table are prefixed with ${prefixes}:
\`bitget_connect_pause = "2s"\`, \`MDTOOL_BITGET_CONNECT_PAUSE=2s\`.

${table(['key', ...EXCHANGES.map(({ name }) => name), 'meaning'], pacingRows)}

For the whole run:

${table(['key', 'default', 'meaning'], runRows)}

## Alerts

docs/notify.md explains them. In \`[notify]\`, or as variables with \`MDTOOL_NOTIFY_\` before the key:

${table(NOTE_HEAD, noteRows(NOTIFY_NOTES))}

In \`[notify.sinks.NAME]\`, one table per sink; \`MDTOOL_NOTIFY_NAME_SECRET\` or \`MDTOOL_NOTIFY_NAME_SECRET_FILE\` holds its secret,
which never stands in this file:

${table(NOTE_HEAD, noteRows(SINK_NOTES))}

In \`[notify.symbols.SYMBOL]\`:

${table(NOTE_HEAD, noteRows(NOTIFY_SYMBOL_NOTES))}

## Other environment variables

\`REDIS_HOST\`, \`REDIS_PORT\` and \`MDTOOL_REDIS_PASSWORD\` (or \`REDIS_PASSWORD\`) complete a Redis URL. \`MDTOOL_S3_ENDPOINT\` and the variables of
AWS reach [a store in a bucket](store-in-a-bucket.md). \`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` apply
to requests and WebSockets, \`NODE_EXTRA_CA_CERTS\` to certificates. \`NO_COLOR\` disables colours.
`;
