import { expect } from 'vitest';
import type { ExchangeServer } from './engine/server.js';

/** Fails the test when a client broke a rule of the exchange, and names each. */
export function expectObedient(server: ExchangeServer): void {
  const broken = server.violations.map(({ rule, detail, connection }) => `${rule}: ${detail} (connection ${connection ?? '-'})`);
  expect(broken, `clients of ${server.id} broke its rules:\n${broken.join('\n')}\n`).toHaveLength(0);
}
