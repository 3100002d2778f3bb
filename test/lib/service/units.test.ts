import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandSettings } from '../../../src/lib/service/units.js';

/** Splits a command line as systemd.syntax(7) and systemd.service(5) describe it: quotes, backslashes, `%%` and `$$`. */
function words(line: string): string[] {
  const found = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|[^\s"]+/g)].map(([whole, inner]) => inner ?? whole);
  return found.map((word) => word.replace(/\\(.)/g, '$1').replaceAll('%%', '%').replaceAll('$$', '$'));
}

describe('the settings of a service', () => {
  it('hands every flag to the command as it was typed', () => {
    const flag = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\n\r\0]/.test(text));
    fc.assert(
      fc.property(fc.array(flag, { minLength: 1, maxLength: 5 }), (flags) => {
        const settings = commandSettings({ part: 'stream', flags }, []) as string;
        const line = settings.split('\n').find((text) => text.startsWith('ExecStart=/')) as string;
        expect(words(line.slice('ExecStart='.length))).toEqual(['/usr/bin/env', 'mdtool', 'stream', ...flags]);
      }),
    );
  });

  it('are not needed where the unit is right as it is', () => {
    expect(commandSettings({ part: 'stream' }, ['/usr/bin', '/usr/local/bin'])).toBeUndefined();
  });
});
