import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ChatServer } from '../support/chat-server.js';
import { startAccountServer } from '../support/exchange-server/accounts/server.js';
import { finished, start } from '../support/mdtool.js';

const CYCLES = Number(process.env.SOAK_CYCLES ?? 24);
const LADDER = [
  '--deposit',
  '1000',
  '--leverage',
  '10',
  '--levels',
  '5',
  '--coverage',
  '4%',
  '--take-profit',
  '2%',
  '--restart',
  '1s',
];
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] as number;
}

/**
 * One run whose sink hangs in every second cycle. The latency is the time from a fill on the exchange until the take profit that
 * closes all of it rests there.
 */
it('the latency of orders is the same beside a sink that hangs', async () => {
  const chat = await ChatServer.open();
  const server = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
  const folder = mkdtempSync(join(tmpdir(), 'notify-soak-'));
  writeFileSync(join(folder, 'bot'), '1:canary');
  chmodSync(join(folder, 'bot'), 0o600);
  const sink = `kind = "telegram"\nchat = "1"\nurl = "${chat.url}"\nsecret_file = "bot"`;
  writeFileSync(join(folder, 'mdtool.toml'), `[notify.sinks.phone]\n${sink}\n`);
  server.market.setPrice('ETHUSDT', '100.00');
  const owner = server.desk.open();
  const env = { ...server.environment, ...server.keyVariables(server.desk.createKey(owner)), XDG_CONFIG_HOME: folder };
  const args = ['grid', 'run', 'eth', '--demo', '-e', 'bybit', '-s', 'ETHUSDT', ...LADDER, '--max-cycles-per-hour', '1000'];
  const child = start([...args, '--notify', '--store', 'runs', '--log-level', 'error'], { env, cwd: folder });
  const ended = finished(child);
  const open = () => server.desk.engine.orders.openOf(owner);
  const levels = () => open().filter(({ clientId }) => /-L\d\d-/.test(clientId));
  const target = () => open().find(({ clientId }) => /-T\d+-/.test(clientId));
  const held = () => server.desk.engine.ledger.openOf(owner)[0]?.amount.toString() ?? '0';
  const until = async (what: string, isSo: () => boolean) => {
    for (const deadline = Date.now() + 60_000; !isSo(); await pause(2)) if (Date.now() > deadline) throw new Error(what);
  };
  const latencies: Record<'answers' | 'hangs', number[]> = { answers: [], hangs: [] };
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const mode = cycle % 2 === 0 ? 'answers' : 'hangs';
    chat.answers.splice(0, chat.answers.length, ...(mode === 'hangs' ? Array<'hang'>(1_000).fill('hang') : []));
    await until('the ladder rests', () => levels().length === 4);
    await pause(500);
    const prices = levels().map(({ price }) => price);
    for (const price of prices.sort((a, b) => b.comparedTo(a)).slice(0, 3)) {
      const before = held();
      server.market.setPrice('ETHUSDT', price.minus('0.1').toFixed(2));
      await until('it fills', () => held() !== before);
      const filled = performance.now();
      await until('the take profit follows', () => target()?.amount.toString() === held());
      latencies[mode].push(performance.now() - filled);
      await pause(700);
    }
    server.market.setPrice(
      'ETHUSDT',
      (target() as { price: { plus(by: string): { toFixed(digits: number): string } } }).price.plus('0.5').toFixed(2),
    );
    await until('the cycle ends', () => held() === '0');
  }
  child.kill('SIGINT');
  await ended;
  const figures = Object.entries(latencies).map(([mode, values]) => {
    const [p50, p99] = [0.5, 0.99].map((share) => Math.round(quantile(values, share)));
    return `${mode}: ${values.length} renewals, p50 ${p50} ms, p99 ${p99} ms`;
  });
  console.log([...figures, `${chat.seen.length} messages`].join('\n'));
  await chat.close();
  await server.close();
  // Twice the median is what a busy machine adds; a sink that is waited for adds ten seconds.
  expect(quantile(latencies.hangs, 0.99)).toBeLessThan(2 * quantile(latencies.answers, 0.99) + 500);
}, 1_800_000);
