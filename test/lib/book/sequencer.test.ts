import { describe, expect, it } from 'vitest';
import { type Continuity, Sequencer } from '../../../src/lib/book/sequencer.js';

type Step = [sequence: string | undefined, previous: string | undefined, expected: Continuity];

/** Beyond 2^53, where neighbouring doubles are 256 apart: as numbers all of these would be equal. */
const LONG = ['1304314508780965889', '1304314508780965890', '1304314508780965891'] as const;

const cases: [name: string, snapshot: string | undefined, steps: Step[]][] = [
  [
    'Bybit: u follows u',
    '1854',
    [
      ['1855', '1854', 'next'],
      ['1856', '1855', 'next'],
    ],
  ],
  [
    'Bybit: a missing u',
    '1854',
    [
      ['1855', '1854', 'next'],
      ['1857', '1856', 'broken'],
    ],
  ],
  ['Bybit: the first delta is missing', '1854', [['1856', '1855', 'broken']]],
  ['Bybit: counter restarted with a snapshot', '1', [['2', '1', 'next']]],
  ['Bybit: counter restarted without one', '1854', [['1', '0', 'broken']]],
  [
    'Bitget: the snapshot lies within the first delta',
    '500',
    [
      ['510', '490', 'next'],
      ['520', '510', 'next'],
    ],
  ],
  [
    'Bitget: the first delta ends at the snapshot',
    '500',
    [
      ['500', '490', 'next'],
      ['510', '500', 'next'],
    ],
  ],
  [
    'Bitget: deltas from before the snapshot',
    '500',
    [
      ['480', '470', 'stale'],
      ['490', '480', 'stale'],
      ['510', '490', 'next'],
    ],
  ],
  [
    'Bitget: service restarted',
    '500',
    [
      ['510', '500', 'next'],
      ['900', '0', 'broken'],
    ],
  ],
  [
    'Bitget: exact beyond 2^53',
    LONG[0],
    [
      [LONG[1], LONG[0], 'next'],
      [LONG[2], LONG[0], 'broken'],
    ],
  ],
  [
    'a delta twice',
    '1',
    [
      ['2', '1', 'next'],
      ['2', '1', 'broken'],
    ],
  ],
  [
    'no sequences at all',
    undefined,
    [
      [undefined, undefined, 'next'],
      [undefined, undefined, 'next'],
    ],
  ],
  [
    'no sequence in the snapshot only',
    undefined,
    [
      ['7', '6', 'next'],
      ['9', '8', 'broken'],
    ],
  ],
  [
    'no predecessors: only order can be checked',
    '5',
    [
      ['4', undefined, 'stale'],
      ['9', undefined, 'next'],
      ['8', undefined, 'broken'],
    ],
  ],
];

describe('Sequencer', () => {
  it.each(cases)('%s', (_, snapshot, steps) => {
    const sequencer = new Sequencer();
    sequencer.restart(snapshot);
    for (const [sequence, previous, expected] of steps) expect(sequencer.follow(sequence, previous)).toBe(expected);
  });

  it('begins anew with a snapshot in the middle of a stream', () => {
    const sequencer = new Sequencer();
    sequencer.restart('900');
    sequencer.follow('901', '900');
    sequencer.restart('1');
    expect(sequencer.follow('2', '1')).toBe('next');
  });
});
