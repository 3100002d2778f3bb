import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startExchangeServer } from '../support/exchange-server/index.js';
import { mdtool } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('doctor', () => {
  it('finds an exchange that answers, a clock that is 40 s behind, and a host that refuses', async () => {
    const [right, ahead] = [
      await startExchangeServer('bitget'),
      await startExchangeServer('bybit', { start: Date.now() + 40_000 }),
    ];
    try {
      const env = {
        ...right.environment,
        ...ahead.environment,
        MDTOOL_BITGET_WS_URL: 'ws://127.0.0.1:9',
        NO_PROXY: '*',
      };
      const { code, stdout, stderr } = await mdtool(['doctor'], { cwd: folder, env });
      expect(stdout).toMatch(
        /^ok {4}bitget +127\.0\.0\.1:\d+ answers in \d+ ms; this clock is \d+ ms (?:ahead|behind) \(± \d+ ms\)$/m,
      );
      expect(stdout).toMatch(/^fail {2}bitget +127\.0\.0\.1:9 refused the connection$/m);
      expect(stdout).toMatch(/^fail {2}bybit .*; this clock is (?:39|40)\d{3} ms behind .*: set it by NTP/m);
      expect(stdout).toMatch(/^ok {4}bybit +127\.0\.0\.1:\d+ accepts WebSockets in \d+ ms$/m);
      expect(stdout).toMatch(/^ok {4}config +MDTOOL_BITGET_WS_URL = "ws:\/\/127\.0\.0\.1:9"$/m);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^doctor: \d+ checks, 2 failed\n$/)]);
    } finally {
      await Promise.all([right.close(), ahead.close()]);
    }
  });

  it('judges the store: none, a newer one, somebody else’s folder; masks the password of a proxy', async () => {
    const store = (name: string) =>
      mdtool(['doctor', '--offline', '--store', name], { cwd: folder, env: { HTTPS_PROXY: 'http://me:canary@proxy:1' } });
    await mdtoolHere(['init', 'newer', '--yes'], { cwd: folder });
    writeFileSync(join(folder, 'newer/data/mdtool-store.json'), '{"store":"mdtool","format":99}');
    const [none, newer, foreign] = await Promise.all([store('nowhere/yet'), store('newer/data'), store('newer')]);
    expect([none.code, none.stdout]).toEqual([0, expect.stringMatching(/^ok {4}store +nowhere\/yet: none yet/m)]);
    expect([newer.code, newer.stdout]).toEqual([1, expect.stringMatching(/^fail {2}store .*has store format 99/m)]);
    expect([foreign.code, foreign.stdout]).toEqual([1, expect.stringMatching(/^fail {2}store .*is not an mdtool store/m)]);
    expect(none.stdout).toContain('HTTPS_PROXY=http://***@proxy:1');
    expect(none.stdout + none.stderr).not.toContain('canary');
  });
});

describe('init', () => {
  it('writes a file of which every line holds, and replaces none', async () => {
    const first = await mdtool(['init', 'fresh'], { cwd: folder });
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('wrote fresh/mdtool.toml; the store is fresh/data')]);
    const path = join(folder, 'fresh/mdtool.toml');
    const again = await mdtoolHere(['init', 'fresh'], { cwd: folder });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('already exists; use --force')]);
    // Without its `#`, each suggestion is a known key with a value that is accepted.
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^# (\w+ = |\[)/gm, '$1'));
    const doctor = await mdtoolHere(['doctor', '--offline'], { cwd: join(folder, 'fresh') });
    expect(doctor.code, doctor.stderr).toBe(0);
    expect(doctor.stdout).toMatch(/^ok {4}config +mdtool\.toml: \[compact\] keep = /m);
  });
});
