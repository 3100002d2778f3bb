import { parseArgs } from 'node:util';
import { EXCHANGE_IDS, type StartOptions, startExchangeServer } from './index.js';

const USAGE = `usage: npm run exchange -- ${EXCHANGE_IDS.join('|')} [--port N] [--symbols N] [--rate EVENTS_PER_SECOND] [--seed N]
                       [--history TRADES] [--tape FILE] [--speed N] [--checksum]
Plays an exchange on 127.0.0.1 until Ctrl-C: a synthetic market, or a recorded tape.`;

const OPTIONS = {
  port: { type: 'string', default: '0' },
  symbols: { type: 'string', default: '20' },
  rate: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
  history: { type: 'string', default: '20000' },
  tape: { type: 'string' },
  speed: { type: 'string', default: '1' },
  checksum: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0 && Number.isFinite(value))) throw new Error(`--${name}: expected a number, was ${text}`);
  return value;
}

function optionsOf(values: ReturnType<typeof parse>['values']): StartOptions {
  const number = (name: 'port' | 'symbols' | 'rate' | 'seed' | 'history' | 'speed'): number => numberOf(name, values[name]);
  const count = number('symbols');
  const shared = { port: number('port'), seed: number('seed'), checksum: values.checksum };
  if (values.tape) return { ...shared, tape: { path: values.tape, speed: number('speed') } };
  return {
    ...shared,
    rate: number('rate'),
    symbols: { linear: count, spot: Math.ceil(count / 2), inverse: Math.ceil(count / 5) },
    history: { trades: number('history'), duration: 3_600_000 },
    keepBooks: false,
  };
}

function parse() {
  return parseArgs({ options: OPTIONS, allowPositionals: true });
}

async function run(): Promise<void> {
  const { values, positionals } = parse();
  const [id, ...rest] = positionals;
  if (values.help || id === undefined || rest.length > 0) throw new Error(USAGE);
  const server = await startExchangeServer(id, optionsOf(values));
  for (const [name, value] of Object.entries(server.environment)) console.log(`export ${name}=${value}`);
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
