import type { Partition } from '../../storage/files/partition.js';
import { absolutePath } from '../../storage/log/store-context.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import type { Intervals } from '../silence.js';
import { countDay, type DayCounts } from './day-scan.js';
import { type CheckedFiles, checkFiles, contentFinding, type FileFinding } from './file-findings.js';
import type { SeriesPlan } from './series-plan.js';
import { intervalsOf } from './silences.js';
import { strayFindings } from './stray-files.js';

/** The content of a day, and the faults of its files. */
export type DayContent = {
  readonly inspected: InspectedPartition;
  readonly counts: DayCounts;
  readonly findings: readonly FileFinding[];
};

/** Reads the days of a series; damaged files are skipped. */
export class DayReader {
  readonly #inspection: StoreInspection;
  readonly #plan: SeriesPlan;
  readonly #checked = new Map<string, CheckedFiles>();

  constructor(inspection: StoreInspection, plan: SeriesPlan) {
    this.#inspection = inspection;
    this.#plan = plan;
  }

  async content(date: string): Promise<DayContent> {
    const { since = 0 } = this.#plan;
    const day = await this.#readable(date);
    const inspected = { ...day, files: day.files.filter(({ max }) => max >= since), since };
    const findings = (this.#checked.get(date)?.findings ?? []).filter(({ finding }) => finding.until > since);
    const counts = isEmpty(inspected) ? NOTHING() : await countDay(this.#inspection, inspected);
    findings.push(...this.#contradictions(inspected, counts, new Set(findings.map(({ path }) => path))));
    for (const path of this.#plan.strays.get(date) ?? [])
      findings.push(...(await strayFindings(this.#inspection, inspected, path)));
    return { inspected, counts, findings };
  }

  /** Returns the intervals between the records of some symbols on a day. */
  async intervals(date: string, symbols: readonly string[]): Promise<ReadonlyMap<string, Intervals>> {
    const inspected = await this.#readable(date);
    return isEmpty(inspected) ? new Map() : await intervalsOf(this.#inspection, inspected, symbols);
  }

  /** Returns the symbols of the day nearest to a day that cannot be read. */
  async symbolsNear(date: string): Promise<string[]> {
    const distance = (other: string) => Math.abs(Date.parse(other) - Date.parse(date));
    const others = [...this.#plan.dates, ...this.#plan.earlier].filter((other) => other !== date);
    for (const other of others.sort((a, b) => distance(a) - distance(b))) {
      const inspected = await this.#readable(other);
      const counts = isEmpty(inspected) ? NOTHING() : await countDay(this.#inspection, inspected);
      if (counts.symbols.size > 0) return [...counts.symbols.keys()];
    }
    return [];
  }

  async #readable(date: string): Promise<InspectedPartition> {
    const inspected = await this.#inspection.partition({ ...this.#plan.identity, date } as Partition);
    const checked = this.#checked.get(date) ?? (await checkFiles(this.#inspection, inspected));
    this.#checked.set(date, checked);
    return { ...inspected, files: checked.readable };
  }

  /** Files whose bytes match the log, or that have no digest there, and whose content differs from the log. */
  #contradictions({ partition, files }: InspectedPartition, counts: DayCounts, reported: ReadonlySet<string>): FileFinding[] {
    return files.flatMap((file) => {
      const path = absolutePath(this.#inspection.context, file);
      const content = counts.files.get(path);
      if (reported.has(path) || !content || !this.#isWhole(file.min, file.max)) return [];
      return contentFinding(path, partition.type, file, content) ?? [];
    });
  }

  /** Whether all of a file is selected: only then its content can be compared with the log. */
  #isWhole(min: number, max: number): boolean {
    const { since = 0, until = Number.POSITIVE_INFINITY, symbols } = this.#plan;
    return symbols === undefined && min >= since && max < until;
  }
}

const NOTHING = (): DayCounts => ({ symbols: new Map(), files: new Map() });

function isEmpty({ files, open }: InspectedPartition): boolean {
  return files.length === 0 && open === undefined;
}
