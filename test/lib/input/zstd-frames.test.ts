import { describe, expect, it } from 'vitest';
import { ZstdFrames } from '../../../src/lib/input/zstd-frames.js';
import { zstdOf } from '../../support/archives.js';
import { seeded } from '../../support/random.js';

const random = seeded(7);
const noise = Buffer.from(Array.from({ length: 300_000 }, () => Math.floor(random() * 256)));
const PARTS = [
  zstdOf(''),
  zstdOf('one line\n'),
  zstdOf('a'.repeat(400_000)),
  Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7]),
  zstdOf(noise),
];

function areWhole(bytes: Buffer, size: number): boolean {
  const frames = new ZstdFrames();
  for (let at = 0; at < bytes.length; at += size) frames.push(bytes.subarray(at, at + size));
  return frames.areWhole;
}

describe('the frames of zstd', () => {
  it.each([1, 7, 65_536, 1_000_000])('end where one ends, in pieces of %i bytes', (size) => {
    const ends = PARTS.map((_, index) => Buffer.concat(PARTS.slice(0, index + 1)));
    expect(ends.map((bytes) => areWhole(bytes, size))).toEqual(PARTS.map(() => true));
  });

  it('are not whole at any other byte', () => {
    const bytes = Buffer.concat(PARTS);
    const frames = new ZstdFrames();
    const whole: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      frames.push(bytes.subarray(at, at + 1));
      if (frames.areWhole) whole.push(at + 1);
    }
    let end = 0;
    expect(whole).toEqual(PARTS.map((part) => (end += part.length)));
  });
});
