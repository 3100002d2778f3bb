// Loaded into every measured process and its children (`NODE_OPTIONS=--import`): writes what it took when it ends.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.BENCH_METER;

/** Peak memory in kilobytes. `maxRSS` of a child begins with that of the process which started it; on Linux the kernel has its own. */
function peakMemory(maxRSS) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? maxRSS);
  } catch {
    return maxRSS;
  }
}

if (folder && isMainThread)
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    writeFileSync(
      join(folder, `${process.pid}.json`),
      JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: peakMemory(maxRSS) / 1024 }),
    );
  });
