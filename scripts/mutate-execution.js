/**
 * Removes, one at a time, the rules that an order stands on, and shows that the tests notice. A rule that can be removed without
 * a test that fails is not tested: the script then ends with 1.
 *
 *   npm run mutate            all of them
 *   npm run mutate -- second  those with that word in their name
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TESTS = ['step', 'check', 'crash-points', 'scenarios', 'model'].map((name) => `test/lib/execution/${name}.test.ts`);

/** Name of the rule, file below src/lib/execution, text that stands in it once, and what stands there without the rule. */
const MUTATIONS = [
  [
    'the journal commit before an order leaves',
    'live/runner.ts',
    'if (commit) this.#options.store.commit(commit);',
    'if (commit && !wire) this.#options.store.commit(commit);',
  ],
  ['the protection window', 'readings.ts', 'asked > order.at + PROTECTION && ', ''],
  ['the key by which a fill is booked once', 'bookings.ts', 'if (state.fills.includes(key)) return;', ''],
  ['the second look before an order counts as absent', 'readings.ts', 'const ROUNDS = 2;', 'const ROUNDS = 1;'],
  [
    'the time after which an order cannot arrive any more',
    'readings.ts',
    'if (missing >= 0) {',
    'if (missing >= Number.POSITIVE_INFINITY) {',
  ],
  [
    'the rule that an order is settled by its fills',
    'orders.ts',
    'return sum.gte(order.amount) || (order.isProven === true && sum.gte(order.filled));',
    'return true;',
  ],
  ['the code of each start', 'views.ts', "return state.starts.includes(parts.start) ? 'own' : 'stranger';", "return 'own';"],
  [
    'the leverage that is read back',
    'live/check.ts',
    'if (shown === undefined || !new Exact(shown).eq(leverage))',
    'if (shown === null)',
  ],
  [
    'the look before the ladder',
    'following.ts',
    'if (position.answered > ended && open.answered > ended && isSame) {',
    'if (state.position !== undefined || isSame) {',
  ],
];

const wanted = process.argv[2] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'mdtool-mutate-'));
for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts'])
  cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !path.includes('node_modules') });
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));

/** Returns the first test that fails, undefined when all pass. */
function firstFailure() {
  const env = { ...process.env, MDTOOL_MODEL_SHRINK: '0', FORCE_COLOR: '0' };
  const args = ['vitest', 'run', '--no-file-parallelism', '--bail', '1', ...TESTS];
  const { status, stdout, stderr } = spawnSync('npx', args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1e9 });
  if (!/Tests +.*(?:passed|failed)/.test(stdout)) throw new Error(`the tests did not run: ${stdout}${stderr}`);
  return status === 0 ? undefined : (/FAIL +(.*)/.exec(stderr + stdout)?.[1] ?? 'a test');
}

let survivors = 0;
try {
  // Where a test fails anyway, none of the rules would be shown to be tested.
  const failure = firstFailure();
  if (failure !== undefined) throw new Error(`without any change: ${failure}`);
  for (const [name, file, text, instead] of MUTATIONS.filter(([name]) => name.includes(wanted))) {
    const path = join(folder, 'src/lib/execution', file);
    const source = readFileSync(path, 'utf8');
    if (source.split(text).length !== 2) throw new Error(`${file}: expected once: ${text}`);
    writeFileSync(path, source.replace(text, instead));
    const first = firstFailure();
    writeFileSync(path, source);
    if (first === undefined) survivors += 1;
    console.log(first === undefined ? `NOT NOTICED  without ${name}` : `noticed  without ${name}: ${first}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = survivors === 0 ? 0 : 1;
