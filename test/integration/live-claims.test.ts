import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { buildClaims } from '../../src/lib/capture/live/claimed-symbols.js';
import { ClaimedError } from '../../src/lib/storage/journal/writer-registry.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom } from '../support/live-run.js';

const directory = mkdtempSync(join(tmpdir(), 'claims-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('claims symbols when they are listed, and leaves those that another run captures to it until it ends', async () => {
  const server = await startExchangeServer('bybit', {
    timeScale: 50,
    keepBooks: false,
    strangers: false,
    symbols: { linear: 2 },
  });
  const { listing } = server.market.get('linear', 'BTCUSDT');
  const store = join(directory, 'store');
  const claimOf = (channel: string, ...symbols: string[]) => [{ exchange: 'bybit', market: 'linear', channel, symbols }];
  const other = await openStoreWriter(store, { step: 'other stream', claims: claimOf('trade', 'THEIRSUSDT') });
  const writer = await openStoreWriter(store, { step: 'stream' });
  const run = await captureFrom([server], {
    refreshEvery: 150,
    channels: ['trade', 'ticker'],
    claim: (more) => writer.claim(more),
  });
  try {
    await writer.claim(buildClaims({ wanted: run.live.wanted, symbols: run.live.universe }, []));
    await run.until(() => run.live.status().isReady, 'all subscribed');
    for (const name of ['OURS', 'THEIRS']) server.list({ ...listing, symbol: `${name}USDT`, base: name });
    await run.until(() => server.subscribers('linear', 'OURSUSDT').length > 0, 'the free one subscribed');
    const refused = () => run.log.filter((line) => line.includes('that another run captures'));
    await run.until(() => refused().length > 0, 'the other one told');
    // Several looks at the lists later it is still theirs, and was told once.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(refused()).toEqual([
      expect.stringMatching(
        /^skipping a new listing .*: bybit linear trade THEIRSUSDT is already being captured by "other stream"/,
      ),
    ]);
    expect(server.subscribers('linear', 'THEIRSUSDT')).toHaveLength(0);
    for (const symbol of ['BTCUSDT', 'OURSUSDT'])
      await expect(openStoreWriter(store, { step: 'third', claims: claimOf('ticker', symbol) })).rejects.toThrow(ClaimedError);
    await other.close();
    await run.until(() => server.subscribers('linear', 'THEIRSUSDT').length > 0, 'taken over');
    await expect(openStoreWriter(store, { step: 'third', claims: claimOf('trade', 'THEIRSUSDT') })).rejects.toThrow(ClaimedError);
  } finally {
    await run.stop();
    await writer.close();
    await server.close();
  }
  await (await openStoreWriter(store, { step: 'third', claims: claimOf('trade', 'OURSUSDT') })).close();
}, 30_000);
