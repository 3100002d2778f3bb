import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { parseZonedTime, timeOfDay, useTimeZone, zonedTime } from '../../../src/lib/cli/time-zone.js';
import { EARLIEST, LATEST, parseTime } from '../../../src/lib/model/time.js';

afterEach(() => useTimeZone('UTC'));

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Chatham'];

describe('time zones', () => {
  it('show a time with its offset, which reads as the same time', () => {
    const time = fc.integer({ min: EARLIEST / 1_000, max: LATEST / 1_000 - 1 });
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), time, (zone, milliseconds) => {
        useTimeZone(zone);
        expect(parseTime(zonedTime(milliseconds * 1_000), 0)).toBe(milliseconds * 1_000);
      }),
    );
    useTimeZone('Europe/Berlin');
    expect(zonedTime(parseTime('2026-08-09T21:27:00.000441Z', 0))).toBe('2026-08-09T23:27:00.000441+02:00');
    expect(timeOfDay(parseTime('2026-08-09T21:27:00.400Z', 0))).toBe('23:27:00.400');
  });

  it.each([
    ['Europe/Berlin', '2026-08-09T23:27', '2026-08-09T21:27Z'],
    ['Europe/Berlin', '2026-01-09', '2026-01-08T23:00Z'],
    ['America/New_York', '2026-03-08 03:30', '2026-03-08T07:30Z'],
    ['America/New_York', '2026-03-08T03:30Z', '2026-03-08T03:30Z'],
    ['Asia/Kolkata', '2026-08-09T05:30:00+02:00', '2026-08-09T03:30Z'],
    ['Asia/Kolkata', '1786310817', '1786310817'],
  ])('%s: %s is %s', (zone, text, same) => {
    useTimeZone(zone);
    expect(parseZonedTime(text, 0, '--since')).toBe(parseTime(same, 0));
  });

  it.each([
    ['America/New_York', '2026-03-08 02:30', /skips 2026-03-08 02:30; add an offset/],
    ['Europe/Berlin', '2026-10-25 02:30', /has 2026-10-25 02:30 twice; add an offset/],
  ])('%s: %s is refused', (zone, text, reason) => {
    useTimeZone(zone);
    expect(() => parseZonedTime(text, 0, '--since')).toThrow(reason);
  });

  it('an unknown zone is refused with similar ones', () => {
    expect(() => useTimeZone('berlin')).toThrow(/was "berlin"; did you mean Europe\/Berlin\?$/);
    expect(() => useTimeZone('Europe/Berln')).toThrow(/did you mean Europe\/Berlin/);
  });
});
