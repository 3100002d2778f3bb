import { parseArgs } from 'node:util';
import { SIXTY_HOURS, syntheticMarket } from '../synthetic-market.js';
import { startDemo } from './accounts/demo.js';
import { EXCHANGE_IDS, type ExchangeServer, type StartOptions, startExchangeServer } from './index.js';

const USAGE = `usage: npm run exchange -- ${EXCHANGE_IDS.join('|')} [--port N] [--symbols N] [--rate EVENTS_PER_SECOND] [--seed N]
                       [--history TRADES] [--tape FILE | --market synthetic] [--live SECONDS] [--speed N] [--checksum]
                       [--accounts]
Plays an exchange on 127.0.0.1 until Ctrl-C: a random walk, a recorded tape, or
the seeded market of 60 hours, its last --live seconds from now on. With --accounts it also
trades: two demo accounts, their fake keys among the variables it prints.`;

const OPTIONS = {
  port: { type: 'string', default: '0' },
  symbols: { type: 'string', default: '20' },
  rate: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
  history: { type: 'string', default: '20000' },
  tape: { type: 'string' },
  market: { type: 'string' },
  live: { type: 'string', default: '3000' },
  speed: { type: 'string', default: '1' },
  checksum: { type: 'boolean', default: false },
  accounts: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0 && Number.isFinite(value))) throw new Error(`--${name}: expected a number, was ${text}`);
  return value;
}

function optionsOf(values: ReturnType<typeof parse>['values']): StartOptions {
  const number = (name: 'port' | 'symbols' | 'rate' | 'seed' | 'history' | 'speed' | 'live'): number =>
    numberOf(name, values[name]);
  const count = number('symbols');
  const shared = { port: number('port'), seed: number('seed'), checksum: values.checksum };
  if (values.tape) return { ...shared, tape: { path: values.tape, speed: number('speed') } };
  if (values.market !== undefined) return { ...shared, ...sixtyHours(values.market, number('live'), number('speed')) };
  return {
    ...shared,
    rate: number('rate'),
    symbols: { linear: count, spot: Math.ceil(count / 2), inverse: Math.ceil(count / 5) },
    history: { trades: number('history'), duration: 3_600_000 },
    keepBooks: false,
  };
}

/** The market's times are moved so that what is live begins now. */
function sixtyHours(name: string, live: number, speed: number): StartOptions {
  if (name !== 'synthetic') throw new Error(`--market: expected synthetic, was ${name}`);
  const start = Math.ceil(Date.now() / 1_000) * 1_000;
  const { start: first, hours, events } = SIXTY_HOURS;
  const shift = (start + live * 1_000) * 1_000 - (first + hours * 3_600_000_000);
  const moved = { ...SIXTY_HOURS, start: first + shift, events: events.map(({ at, side }) => ({ at: at + shift, side })) };
  return { start, recording: { records: syntheticMarket(moved), speed }, keepBooks: false };
}

function parse() {
  return parseArgs({ options: OPTIONS, allowPositionals: true });
}

/** Starts what was asked for and prints the variables that point a client there. */
async function start(id: string, options: StartOptions, hasAccounts: boolean): Promise<ExchangeServer> {
  if (hasAccounts) {
    const { server, lines } = await startDemo(id, options);
    for (const line of lines) console.log(line);
    return server.server;
  }
  const server = await startExchangeServer(id, options);
  for (const [name, value] of Object.entries(server.environment)) console.log(`export ${name}=${value}`);
  return server;
}

async function run(): Promise<void> {
  const { values, positionals } = parse();
  const [id, ...rest] = positionals;
  if (values.help || id === undefined || rest.length > 0) throw new Error(USAGE);
  const server = await start(id, optionsOf(values), values.accounts);
  console.error(`${id} plays until Ctrl-C`);
  const stop = async (): Promise<void> => {
    for (const { rule, detail, connection } of server.violations)
      console.error(`violated ${rule}: ${detail}${connection === undefined ? '' : ` (connection ${connection})`}`);
    await server.close();
    process.exit(0);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

run().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 2;
});
