import { StringDecoder } from 'node:string_decoder';
import { FailureError } from '../model/errors.js';
import { decodeRecord, RecordError } from '../model/ndjson.js';
import type { AnyRecord } from '../model/records.js';
import { TruncatedError } from './decompression.js';
import type { InputListener } from './input-listener.js';
import { readText } from './lines.js';
import { plausible } from './plausible.js';

/** Characters of the longest element; a list of instruments has several hundred thousand. */
const LONGEST_ELEMENT = 1 << 26;
const BATCH = 2048;

/** One element of a JSON document as text, and the line on which it starts. */
type JsonElement = { readonly text: string; readonly line: number };

/** Elements that were read, and why the document ends early, if it does. */
type JsonBatch = { readonly elements: readonly JsonElement[]; readonly truncated?: string };

/** Returns the records of a JSON document: an array of records, or records one after the other. */
export async function* readJson(path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  for await (const { elements, truncated } of readJsonElements(path)) {
    const records: AnyRecord[] = [];
    for (const { text, line } of elements) {
      try {
        const record = plausible(decodeRecord(text));
        records.push(record);
        listener.taken?.(record, `${path}:${line}`);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        listener.broken(`${path}:${line}: ${error.message}`);
      }
    }
    if (truncated !== undefined) listener.broken(truncated);
    if (records.length > 0) yield records;
  }
}

/**
 * Returns the elements of a JSON document, one at a time: those of its array, or its values where it is no array. A document
 * of any size is read without holding it. Throws a `FailureError` that names the path when it cannot be read.
 */
export async function* readJsonElements(path: string): AsyncGenerator<JsonBatch> {
  const splitter = new ElementSplitter(path);
  const decoder = new StringDecoder('utf8');
  try {
    for await (const chunk of readText(path)) {
      for (const elements of inBatches(splitter.add(decoder.write(chunk)))) yield { elements };
    }
    const rest = splitter.end();
    yield typeof rest === 'string' ? { elements: [], truncated: rest } : { elements: rest };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    if (!(error instanceof TruncatedError)) throw new FailureError(`${path}: cannot be read (${(error as Error).message})`);
    yield { elements: [], truncated: `${path}: ${error.message}` };
  }
}

function* inBatches(elements: readonly JsonElement[]): Generator<readonly JsonElement[]> {
  for (let at = 0; at < elements.length; at += BATCH) yield elements.slice(at, at + BATCH);
}

/** Characters that matter between elements and inside of them; everything else is passed over at once. */
const INSIDE = /["[\]{}\n]/g;

/**
 * Finds where the elements of a document begin and end.
 *
 * `JSON.parse` of a whole file takes ten times its size. Only depth and strings are followed here; each element is then
 * parsed alone, and a broken one costs one line.
 */
class ElementSplitter {
  readonly #path: string;
  #text = '';
  #at = 0;
  #start = -1;
  #startLine = 1;
  #line = 1;
  #depth = 0;
  #inString = false;
  #isArray: boolean | undefined;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes text and returns the elements that end in it. */
  add(text: string): JsonElement[] {
    const keep = this.#start < 0 ? this.#at : this.#start;
    this.#text = this.#text.slice(keep) + text;
    this.#at -= keep;
    if (this.#start >= 0) this.#start = 0;
    if (this.#text.length - this.#at > LONGEST_ELEMENT + text.length || (this.#start === 0 && this.#at > LONGEST_ELEMENT))
      throw new FailureError(
        `${this.#path}:${this.#startLine}: a value of more than ${LONGEST_ELEMENT >> 20} MB; expected records`,
      );
    const elements: JsonElement[] = [];
    while (this.#at < this.#text.length && this.#step(elements));
    return elements;
  }

  /** Returns the last element, or the reason when the document is cut off. */
  end(): JsonElement[] | string {
    const last = this.#isArray === false && this.#start >= 0 && this.#depth === 0 && !this.#inString ? [this.#take()] : [];
    if (this.#depth > 0 || this.#inString || (this.#isArray === true && !this.#isClosed))
      return `${this.#path}:${this.#line}: the document is cut off`;
    return last;
  }

  /** Moves to the next character that matters. Returns false at the end of the text. */
  #step(elements: JsonElement[]): boolean {
    if (this.#inString) return this.#skipString();
    return this.#start < 0 ? this.#between() : this.#inside(elements);
  }

  #between(): boolean {
    const character = this.#text.charAt(this.#at);
    if (character === '\n') this.#line += 1;
    if (/[\s,]/.test(character)) this.#at += 1;
    else if (this.#isArray === undefined && character === '[') {
      this.#isArray = true;
      this.#at += 1;
    } else if (this.#isArray === true && character === ']') {
      this.#isClosed = true;
      this.#at += 1;
    } else {
      this.#isArray ??= false;
      this.#start = this.#at;
      this.#startLine = this.#line;
    }
    return true;
  }

  #inside(elements: JsonElement[]): boolean {
    const pattern = this.#depth > 0 ? INSIDE : /["[\]{}\n,]/g;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) {
      this.#at = this.#text.length;
      return false;
    }
    const character = found[0];
    this.#at = found.index + 1;
    if (character === '"') this.#inString = true;
    else if (character === '[' || character === '{') this.#depth += 1;
    else if (character === '\n' || character === ',') this.#endScalar(character, elements);
    else if (this.#depth > 0) this.#close(elements);
    else this.#endScalar(character, elements);
    return true;
  }

  #close(elements: JsonElement[]): void {
    this.#depth -= 1;
    if (this.#depth === 0) elements.push(this.#take());
  }

  /** Ends a number or word, which has no closing character. */
  #endScalar(character: string, elements: JsonElement[]): void {
    if (this.#depth === 0) {
      // A stray bracket is an element of its own: it must not be met again.
      if (this.#at - 1 > this.#start) this.#at -= 1;
      elements.push(this.#take());
    } else if (character === '\n') this.#line += 1;
  }

  #take(): JsonElement {
    const element = { text: this.#text.slice(this.#start, this.#at).trim(), line: this.#startLine };
    this.#start = -1;
    return element;
  }

  #skipString(): boolean {
    for (;;) {
      const quote = this.#text.indexOf('"', this.#at);
      const backslash = this.#text.indexOf('\\', this.#at);
      if (backslash >= 0 && (quote < 0 || backslash < quote)) {
        if (backslash + 1 >= this.#text.length) {
          this.#at = backslash;
          return false;
        }
        this.#at = backslash + 2;
        continue;
      }
      this.#at = quote < 0 ? this.#text.length : quote + 1;
      if (quote < 0) return false;
      this.#inString = false;
      return true;
    }
  }
}
