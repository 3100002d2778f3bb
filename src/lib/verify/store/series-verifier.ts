import type { HistoryType } from '../../exchanges/history.js';
import { askedSince, beginsLate } from '../../history/fetched-spans.js';
import { parseInterval } from '../../model/interval.js';
import type { Coverage, Market } from '../../model/records.js';
import { overlap, type Span } from '../../model/span.js';
import { DAY } from '../../model/time.js';
import type { InspectedPartition, StoreInspection } from '../../storage/reading/store-inspection.js';
import { coverageOf, type Finding, type SeriesDay, type Tile, type TileRecords, tilesOf } from '../day.js';
import { BookRebuild } from './book-rebuild.js';
import { coverageChannel, gapChannels, isData, isSteady, ownGapChannels } from './channels.js';
import { type DayContent, DayReader } from './day-reader.js';
import { countWithin, disorderOf, duplicatesOf, symbolRanges } from './day-scan.js';
import type { FileFinding } from './file-findings.js';
import {
  chainFinding,
  crossingFinding,
  delayNote,
  disorderFinding,
  duplicateFinding,
  FindingsBySymbol,
  gapFinding,
  recordFindings,
  uncoveredFinding,
  within,
} from './findings.js';
import type { RecordedGaps } from './recorded-gaps.js';
import type { SeriesPlan } from './series-plan.js';
import { SilenceWatch } from './silence-watch.js';
import { type LongPause, rhythmOf } from './silences.js';

/** Result of comparing the candles of a day: the opening times of the compared ones, and the differences. */
export type Compared = { readonly compared: readonly number[]; readonly findings: readonly Finding[] };

/** A day to compare; `isLast` when the store has none after it. */
export type ComparedDay = {
  readonly inspected: InspectedPartition;
  readonly isLast: boolean;
  readonly gapsOf: (symbol: string) => readonly Span[];
};

/** Compares the candles built from a day's records with the exchange's, by symbol. */
export type Comparison = (day: ComparedDay) => Promise<ReadonlyMap<string, Compared>>;

/** Tools that verifying a series needs. */
type SeriesTools = {
  readonly inspection: StoreInspection;
  readonly gaps: RecordedGaps;
  /** Of the store: from when on topics were requested. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly report: (finding: FileFinding) => void;
  readonly compare?: Comparison | undefined;
};

/** Verifies the days of one series, one after the other. */
export class SeriesVerifier {
  readonly #plan: SeriesPlan;
  readonly #tools: SeriesTools;
  readonly #reader: DayReader;
  readonly #silences: SilenceWatch;
  readonly #rebuild: BookRebuild;
  readonly #channels: readonly string[];
  readonly #selected: Span;
  /** Symbols with records, and the time of their first one. */
  readonly #first = new Map<string, number>();
  /** Gaps that have a row already. */
  readonly #reported = new Set<string>();
  #end = 0;

  constructor(plan: SeriesPlan, tools: SeriesTools) {
    this.#plan = plan;
    this.#tools = tools;
    const reader = new DayReader(tools.inspection, plan);
    this.#reader = reader;
    this.#rebuild = new BookRebuild(tools.inspection);
    this.#silences = new SilenceWatch([...plan.earlier, ...plan.dates], (date, symbols) => reader.intervals(date, symbols));
    this.#channels = gapChannels(plan.identity);
    this.#selected = { from: plan.since ?? 0, until: plan.until ?? Number.MAX_SAFE_INTEGER };
  }

  /** Returns the rows of every day, then those of gaps and silences outside of all days. */
  async *rows(): AsyncGenerator<Coverage[]> {
    for (const date of this.#plan.dates) {
      const rows = await this.#day(date);
      if (rows.length > 0) yield rows;
    }
    const rest = await this.#rest();
    if (rest.length > 0) yield rest;
  }

  async #day(date: string): Promise<Coverage[]> {
    const content = await this.#reader.content(date);
    const { counts, inspected } = content;
    for (const [symbol, { first }] of counts.symbols) if (!this.#first.has(symbol)) this.#first.set(symbol, first);
    const found = new FindingsBySymbol();
    await this.#addFileFindings(content, date, found);
    for (const [symbol, one] of counts.symbols) found.add(symbol, ...recordFindings(one));
    for (const symbol of this.#first.keys()) found.add(symbol, ...this.#openGaps(symbol, dayOf(date)));
    const notes = counts.symbols.size > 0 ? await this.#sequences(content, found) : new Map<string, string>();
    const gapsOf = (symbol: string) => [
      ...found.emptyOf(symbol).filter(({ verdict }) => verdict === 'hole'),
      ...this.#openGaps(symbol, this.#selected),
    ];
    const isLast = date === this.#plan.dates.at(-1);
    const compared = await this.#tools.compare?.({ inspected, isLast, gapsOf });
    for (const [symbol, { findings }] of compared ?? []) found.add(symbol, ...findings);
    return await this.#rowsOf(content, date, { found, notes, compared });
  }

  /** A finding about a file concerns its symbols; if they are unknown, the symbols of the day or of another day. */
  async #addFileFindings({ counts, findings }: DayContent, date: string, found: FindingsBySymbol): Promise<void> {
    for (const finding of findings) {
      this.#tools.report(finding);
      const ofDay = counts.symbols.size > 0 ? [...counts.symbols.keys()] : undefined;
      const symbols = finding.symbols ?? ofDay ?? (await this.#reader.symbolsNear(date));
      const wanted = symbols.filter((symbol) => this.#plan.symbols?.includes(symbol) ?? true);
      for (const symbol of symbols.length > 0 ? wanted : ['unknown'])
        found.add(symbol, ...within([finding.finding], this.#selected));
    }
  }

  /** Adds duplicates, disorder and silences, which need single records. Returns notes by symbol. */
  async #sequences({ inspected, counts }: DayContent, found: FindingsBySymbol): Promise<Map<string, string>> {
    const { inspection } = this.#tools;
    const { date, type } = inspected.partition;
    const notes = new Map<string, string>();
    const pauses: LongPause[] = [];
    for (const flaw of await disorderOf(inspection, inspected)) found.add(flaw.symbol, disorderFinding(flaw));
    await this.#addBreaks(inspected, counts, found);
    for (const range of symbolRanges(counts.symbols)) {
      for (const flaw of await duplicatesOf(inspection, inspected, range)) found.add(flaw.symbol, duplicateFinding(flaw));
      if (!isSteady(inspected.partition)) continue;
      const rhythm = await rhythmOf(inspection, inspected, range);
      this.#silences.learn(date, rhythm.intervals);
      pauses.push(...rhythm.pauses);
      for (const [symbol, delay] of type === 'candle' ? [] : rhythm.delays) {
        const note = delayNote(delay);
        if (note !== undefined) notes.set(symbol, note);
      }
    }
    if (!isSteady(inspected.partition)) return notes;
    for (const [symbol, { first, last }] of counts.symbols) {
      const pause = this.#silences.seen(symbol, first, last);
      if (pause) pauses.push(pause);
      this.#end = Math.max(this.#end, last);
    }
    await this.#addSilences(date, pauses, found);
    return notes;
  }

  async #addBreaks(inspected: InspectedPartition, { symbols }: DayContent['counts'], found: FindingsBySymbol): Promise<void> {
    if (inspected.partition.type !== 'book_delta') return;
    const { breaks, crossings } = await this.#rebuild.flaws({ deltas: inspected, symbols });
    for (const flaw of breaks) found.add(flaw.symbol, chainFinding(flaw));
    for (const flaw of crossings) found.add(flaw.symbol, crossingFinding(flaw));
  }

  /** A recorded gap explains a silence, whether it was repaired or has a row of its own. */
  async #addSilences(date: string, pauses: readonly LongPause[], found: FindingsBySymbol): Promise<void> {
    const unexplained = pauses.filter((pause) => {
      const known = [...this.#gapsOf(pause.symbol), ...found.emptyOf(pause.symbol)];
      return !known.some(({ from, until }) => overlap({ from, until: Math.max(until, from + 1) }, pause));
    });
    for (const [symbol, findings] of await this.#silences.suspicious(date, unexplained)) found.add(symbol, ...findings);
  }

  async #rowsOf({ inspected, counts }: DayContent, date: string, { found, notes, compared }: DayFindings): Promise<Coverage[]> {
    const symbols = [...new Set([...counts.symbols.keys(), ...found.symbols()])].sort();
    const tiles = new Map(symbols.map((symbol) => [symbol, tilesOf(found.of(symbol))]));
    const records = await this.#countTiles(inspected, counts.symbols, tiles);
    const rows = symbols.flatMap((symbol) => {
      const note = notes.get(symbol);
      const day = this.#seriesDay(symbol, found, compared?.get(symbol)?.compared ?? [], note === undefined ? [] : [note]);
      const counted = (tiles.get(symbol) ?? []).map((tile, index) => ({
        ...tile,
        ...(records.get(`${symbol} ${index}`) ?? NONE),
      }));
      return coverageOf(day, counted);
    });
    return rows.filter((row) => this.#isDue(row, date));
  }

  /** A gap that began the day before has its row there. Derived records get rows for faults only. */
  #isDue(row: Coverage, date: string): boolean {
    if (row.verdict === 'whole') return isData(this.#plan.identity);
    if (row.verdict !== 'hole') return true;
    const key = `${row.symbol} ${row.fromTimestamp} ${row.untilTimestamp}`;
    const hasRow = this.#reported.has(key) && row.fromTimestamp < dayOf(date).from;
    this.#reported.add(key);
    return !hasRow;
  }

  async #countTiles(
    inspected: InspectedPartition,
    symbols: DayContent['counts']['symbols'],
    tiles: ReadonlyMap<string, readonly Tile[]>,
  ): Promise<Map<string, TileRecords>> {
    const records = new Map<string, TileRecords>();
    const cut: (Tile & { symbol: string; tile: number })[] = [];
    for (const [symbol, own] of tiles) {
      const whole = symbols.get(symbol);
      if (own.length > 1 && whole) cut.push(...own.map((tile, index) => ({ ...tile, symbol, tile: index })));
      else if (whole) records.set(`${symbol} 0`, whole);
    }
    if (cut.length > 0) for (const [key, one] of await countWithin(this.#tools.inspection, inspected, cut)) records.set(key, one);
    return records;
  }

  /** Gaps of symbols and days without records, and symbols that fall silent before the series ends. */
  async #rest(): Promise<Coverage[]> {
    const { identity, dates, symbols: wanted } = this.#plan;
    const found = new FindingsBySymbol();
    // A gap in a channel concerns every type that the channel carries, for symbols that have this type.
    const gapped = this.#tools.gaps.symbols(identity, ownGapChannels(identity));
    for (const symbol of new Set([...this.#first.keys(), ...gapped.sort()])) {
      if (wanted && !wanted.includes(symbol)) continue;
      const openGaps = this.#openGaps(symbol, this.#selected);
      found.add(symbol, ...openGaps.filter(({ from, until }) => !this.#reported.has(`${symbol} ${from} ${until}`)));
    }
    for (const [symbol, first] of this.#first) found.add(symbol, ...this.#uncovered(symbol, first));
    const last = dates.at(-1);
    if (last !== undefined && isSteady(identity)) await this.#addSilences(last, this.#silences.unended(this.#end), found);
    return found.symbols().flatMap((symbol) => {
      const tiles = tilesOf(found.of(symbol)).map((tile) => ({ ...tile, ...NONE }));
      return coverageOf(this.#seriesDay(symbol, found, [], []), tiles);
    });
  }

  #openGaps(symbol: string, span: Span): Finding[] {
    const openGaps = this.#tools.gaps
      .openGaps(this.#plan.identity, this.#channels, symbol)
      .filter((openGap) => overlap(openGap, span));
    return within(
      openGaps.map((openGap) => gapFinding(openGap, this.#plan.identity)),
      this.#selected,
    );
  }

  /** Returns what lies before a symbol's first record and was requested. */
  #uncovered(symbol: string, first: number): Finding[] {
    const { identity, earlier } = this.#plan;
    const { exchange, market, type, interval } = identity;
    if (earlier.length > 0 || !isData(identity)) return [];
    const name = [exchange, market, symbol, type, interval].filter((part) => part !== undefined && part !== null).join(' ');
    const requested = askedSince(this.#tools.metadata, name);
    if (requested === undefined) return [];
    // Records of the same day before the selected time are not read.
    const asked = Math.max(requested, this.#selected.from);
    if (!beginsLate({ type: type as HistoryType, interval: interval ?? undefined }, asked, first)) return [];
    return within([uncoveredFinding(asked, first)], this.#selected);
  }

  #gapsOf(symbol: string): Span[] {
    return this.#tools.gaps.gaps(this.#plan.identity, this.#channels, symbol);
  }

  #seriesDay(symbol: string, found: FindingsBySymbol, compared: readonly number[], notes: readonly string[]): SeriesDay {
    const { identity } = this.#plan;
    return {
      exchange: identity.exchange ?? '',
      market: identity.market as Market,
      symbol,
      channel: coverageChannel(identity),
      length: identity.interval ? parseInterval(identity.interval).size : 1,
      findings: found.of(symbol),
      gaps: this.#gapsOf(symbol),
      compared,
      notes,
    };
  }
}

type DayFindings = {
  readonly found: FindingsBySymbol;
  readonly notes: ReadonlyMap<string, string>;
  readonly compared: ReadonlyMap<string, Compared> | undefined;
};

const NONE: TileRecords = { records: 0, first: 0, last: 0 };

function dayOf(date: string): Span {
  const from = Date.parse(`${date}T00:00:00Z`) * 1000;
  return { from, until: from + DAY };
}
