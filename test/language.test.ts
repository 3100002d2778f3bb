import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/mdtool.js';

/**
 * Words that made readers read twice, each with the plain one. In names they count as parts of camelCase, too. The
 * verdict `hole` of `verify` and the column `holes` of `backfill --plan` are contract: as quoted values and as keys they
 * stay.
 */
const PLAIN: Readonly<Record<string, string>> = {
  hole: 'gap',
  holes: 'gaps',
  told: 'reported, emitted, logged, recorded',
  tell: 'report, emit, log, show',
  tells: 'reports, emits, logs, shows',
  came: 'arrived',
  seldom: 'sparse, rarely',
  errand: 'fetch task',
  errands: 'fetch tasks',
  wish: 'target exposure',
  wishes: 'target exposures',
  attended: 'covered',
  heir: 'successor',
  heirs: 'successors',
  'so many': 'the number, N',
  'put aside': 'retired, quarantined',
};

const CONTRACT = /(['"`])holes?\\?\1|\bholes?: |\bverdicts\.hole\b/g;

function places(text: string): string[] {
  const lines = text.replaceAll(CONTRACT, '').split('\n');
  return lines.flatMap((line, at) => {
    const words = line.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ');
    return Object.keys(PLAIN)
      .filter((word) => new RegExp(`\\b${word}\\b`, 'i').test(words))
      .map((word) => `${at + 1}: ${word} → ${PLAIN[word]}`);
  });
}

function findings(path: string): string[] {
  return places(readFileSync(path, 'utf8')).map((place) => `${relative(ROOT, path)}:${place}`);
}

describe('language', () => {
  it('of the sources is that of the field', () => {
    const sources = (readdirSync(join(ROOT, 'src'), { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'));
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.flatMap((name) => findings(join(ROOT, 'src', name)))).toEqual([]);
  });

  it('of the pages is, too', () => {
    const docs = (readdirSync(join(ROOT, 'docs'), { recursive: true }) as string[]).filter((name) => name.endsWith('.md'));
    const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...docs.map((name) => join('docs', name))];
    expect(pages.flatMap((name) => findings(join(ROOT, name)))).toEqual([]);
  });

  it('finds a word in a comment and in a name, and leaves the verdict', () => {
    expect(places('// it came late')).toHaveLength(1);
    expect(places('const lastHole = readHoles();')).toHaveLength(2);
    expect(places("if (verdict === 'hole') whole();")).toEqual([]);
  });
});
