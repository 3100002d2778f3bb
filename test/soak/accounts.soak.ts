import { describe, expect, it } from 'vitest';
import { ACCOUNT_KINDS, playSession } from '../support/account-session.js';

describe.each(ACCOUNT_KINDS.map((kind) => ({ kind })))('the account of $kind', ({ kind }) => {
  it.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'shows the truth soon after each event, over lost, repeated, late pushes and reconnects (seed %i)',
    async (seed) => {
      expect(await playSession(kind, seed, 300)).toEqual([]);
    },
  );
});
