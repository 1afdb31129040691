/**
 * A JSON parser (RFC 8259) that says where text is wrong and which keys were given twice, which JSON.parse cannot, and that
 * bounds depth. Objects it returns have only own, plain keys: `__proto__` is refused.
 */
import { DecodeError } from './decodeError.js';

const MAX_DEPTH = 256;
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
// eslint-disable-next-line no-control-regex
const PLAIN_STRING = /"[^"\\\u0000-\u001f]*"/y;
const SIMPLE_ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

export interface ParsedJson {
  value: unknown;
  /** Paths of keys given more than once (`spec.suspend`); the last one won. */
  duplicates: string[];
}

/** @throws DecodeError with line and column */
export function parseJson(text: string): ParsedJson {
  return quickly(text) ?? new Parser(text).document();
}

const COLON = /"[\t\n\r ]*:/g;

/**
 * By JSON.parse, which is several times faster, when nothing is to be told: the text has as many `"…":` as the value has
 * keys, so none was given twice, and no key or depth is refused. Undefined: the slow way finds out what is wrong, if anything.
 */
function quickly(text: string): ParsedJson | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const keys = countKeys(value, 0);
  if (keys === undefined) return undefined;
  let seen = 0;
  // Inside a string the pattern may stand too; then more are seen than there are, never fewer.
  COLON.lastIndex = 0;
  while (COLON.test(text)) if (++seen > keys) return undefined;
  return { value, duplicates: [] };
}

function countKeys(value: unknown, depth: number): number | undefined {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_DEPTH) return undefined;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      const inner = countKeys(item, depth + 1);
      if (inner === undefined) return undefined;
      keys += inner;
    }
    return keys;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return undefined;
    const inner = countKeys((value as Record<string, unknown>)[key], depth + 1);
    if (inner === undefined) return undefined;
    keys += inner + 1;
  }
  return keys;
}

class Parser {
  private readonly text: string;
  private at = 0;
  private readonly duplicates = new Set<string>();

  constructor(text: string) {
    this.text = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  document(): ParsedJson {
    this.space();
    const value = this.value('', 0);
    this.space();
    if (this.at < this.text.length) this.fail(`unexpected ${this.here()} after the end of the document`);
    return { value, duplicates: [...this.duplicates] };
  }

  private value(path: string, depth: number): unknown {
    if (depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    const char = this.text[this.at];
    if (char === '{') return this.object(path, depth);
    if (char === '[') return this.array(path, depth);
    if (char === '"') return this.string();
    if (char === 't') return this.word('true', true);
    if (char === 'f') return this.word('false', false);
    if (char === 'n') return this.word('null', null);
    NUMBER.lastIndex = this.at;
    const number = NUMBER.exec(this.text)?.[0];
    if (number === undefined) this.fail(`expected a value, found ${this.here()}`);
    this.at += number.length;
    return Number(number);
  }

  private object(path: string, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    this.at++;
    this.space();
    if (this.take('}')) return result;
    for (;;) {
      if (this.text[this.at] !== '"') this.fail(`expected a key in quotes, found ${this.here()}`);
      const start = this.at;
      const key = this.string();
      if (key === '__proto__') { this.at = start; this.fail('key "__proto__" is not accepted'); }
      const inner = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(result, key)) this.duplicates.add(inner);
      this.space();
      if (!this.take(':')) this.fail(`expected ":" after the key, found ${this.here()}`);
      this.space();
      result[key] = this.value(inner, depth + 1);
      this.space();
      if (this.take('}')) return result;
      if (!this.take(',')) this.fail(`expected "," or "}", found ${this.here()}`);
      this.space();
    }
  }

  private array(path: string, depth: number): unknown[] {
    const result: unknown[] = [];
    this.at++;
    this.space();
    if (this.take(']')) return result;
    for (;;) {
      result.push(this.value(`${path}[${result.length}]`, depth + 1));
      this.space();
      if (this.take(']')) return result;
      if (!this.take(',')) this.fail(`expected "," or "]", found ${this.here()}`);
      this.space();
    }
  }

  private string(): string {
    PLAIN_STRING.lastIndex = this.at;
    const plain = PLAIN_STRING.exec(this.text)?.[0];
    if (plain !== undefined) {
      this.at += plain.length;
      return plain.slice(1, -1);
    }
    this.at++;
    const parts: string[] = [];
    let from = this.at;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) this.fail('the string does not end');
      if (char < ' ') this.fail('a string may not hold a raw control character');
      if (char === '"') break;
      if (char !== '\\') { this.at++; continue; }
      parts.push(this.text.slice(from, this.at), this.escape());
      from = this.at;
    }
    parts.push(this.text.slice(from, this.at));
    this.at++;
    return parts.join('');
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    const simple = Object.hasOwn(SIMPLE_ESCAPES, letter) ? SIMPLE_ESCAPES[letter] : undefined;
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('bad escape in a string');
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail(`expected a value, found ${this.here()}`);
    this.at += word.length;
    return value;
  }

  private take(char: string): boolean {
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private here(): string {
    return this.at >= this.text.length ? 'the end of the text' : JSON.stringify(this.text[this.at]);
  }

  private fail(why: string): never {
    const before = this.text.slice(0, this.at).split('\n');
    throw new DecodeError(why, before.length, (before[before.length - 1]?.length ?? 0) + 1);
  }
}
