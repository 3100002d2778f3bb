import papaparse from 'papaparse';
import { describe, expect, it } from 'vitest';
import { createCsvEncoder, onlyType } from '../../../src/lib/sinks/csv.js';
import { bookRecord, clockRecord, gapRecord, tickerRecord, tradeRecord } from '../../support/records.js';

describe('CSV encoder', () => {
  it('writes the columns of the schema once, then rows with empty cells for what is missing', async () => {
    const encoder = await createCsvEncoder({ output: 't.csv' });
    const text = encoder.encode([tradeRecord({ sequence: '9007199254740993' })]) + encoder.encode([tradeRecord({ id: 'a,"2"' })]);
    const { data } = papaparse.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true });
    expect(data).toHaveLength(2);
    expect(data[0]).toMatchObject({ sequence: '9007199254740993', price: '65114.3', timestamp: '1786310817000000' });
    expect(data[1]).toMatchObject({ id: 'a,"2"', sequence: '', local_timestamp: '' });
    expect(text.endsWith('\n')).toBe(true);
  });

  it('writes levels as JSON text that gives the same numbers back', async () => {
    const encoder = await createCsvEncoder({ output: 'b.csv' });
    const { data } = papaparse.parse<Record<string, string>>(encoder.encode([bookRecord]), { header: true });
    expect(JSON.parse(data[0]?.bids ?? '')).toEqual(bookRecord.bids);
    expect(data[0]?.asks).toBe('[]');
  });

  it('leaves out gap and clock and counts them, also before the first row', async () => {
    const encoder = await createCsvEncoder({ output: 't.csv' });
    expect(encoder.encode([gapRecord, clockRecord, clockRecord])).toBe('');
    expect(encoder.encode([tradeRecord()]).split('\n')).toHaveLength(3);
    expect(encoder.skipped).toEqual({ gap: 1, clock: 2 });
    expect(encoder.records).toBe(1);
  });

  it('refuses a second type and says what to do', async () => {
    const encoder = await createCsvEncoder({ output: 'out/t.csv.gz' });
    expect(() => encoder.encode([tradeRecord(), tickerRecord])).toThrow(/found trade and ticker; put .*out\/t-\{type\}\.csv\.gz/);
    const stdout = await createCsvEncoder({ output: '-', type: 'ticker' });
    expect(() => stdout.encode([tradeRecord()])).toThrow(/--format ndjson/);
  });

  it('writes the header of an empty result whose type is known', async () => {
    const encoder = await createCsvEncoder({ output: 't.csv', type: 'trade' });
    expect(encoder.encode([])).toMatch(/^exchange,market,symbol,timestamp,.*\n$/);
    expect(encoder.encode([])).toBe('');
  });

  it('never writes a number that is none', async () => {
    const encoder = await createCsvEncoder({ output: 't.csv' });
    expect(() => encoder.encode([tradeRecord({ price: Number.NaN })])).toThrow(/price must be a finite number/);
  });

  it('finds the only type among those that are known to come', () => {
    expect(onlyType('t.csv', ['trade', 'gap', 'clock'])).toBe('trade');
    expect(onlyType('t.csv', undefined)).toBeUndefined();
    expect(() => onlyType('t.csv', ['trade', 'ticker'])).toThrow(/\{type\}/);
  });
});
