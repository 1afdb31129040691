/**
 * Label selectors as text: lexer and parser in the steps of k8s.io/apimachinery/pkg/labels/selector.go, because what cannot be read is
 * told in its words. A selector becomes one test per requirement.
 */
import { labelValueProblems, qualifiedNameProblems } from '../admission/metadata.js';
import { BadRequest } from './errors.js';

export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** `text` is what an error shows; the end has the empty text. */
interface Token { type: 'identifier' | 'operator' | 'end'; text: string }

const OPERATORS = ['==', '!=', '=', '!', '<', '>', '(', ')', ','];
const end: Token = { type: 'end', text: '' };

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const blank = /^[ \t\r\n]+/.exec(text.slice(at));
    if (blank) { at += blank[0].length; continue; }
    const operator = OPERATORS.find((each) => text.startsWith(each, at));
    const token: Token = operator === undefined ? { type: 'identifier', text: /^[^ \t\r\n=!<>(),]+/.exec(text.slice(at))?.[0] ?? '' } : { type: 'operator', text: operator };
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

export class LabelParser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = scan(text);
  }

  /** @throws BadRequest */
  parse(): LabelTest[] {
    const tests: LabelTest[] = [];
    for (;;) {
      const ahead = this.#look();
      if (ahead.type === 'end') return tests;
      if (ahead.type !== 'identifier' && ahead.text !== '!') throw new BadRequest(`found '${ahead.text}', expected: !, identifier, or 'end of string'`);
      tests.push(this.#requirement());
      const after = this.#next();
      if (after.type === 'end') return tests;
      if (after.text !== ',') throw new BadRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#look();
      if (following.type !== 'identifier' && following.text !== '!') throw new BadRequest(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #look(): Token {
    return this.#tokens[this.#at] ?? end;
  }

  #next(): Token {
    const token = this.#look();
    this.#at += 1;
    return token;
  }

  #requirement(): LabelTest {
    const absent = this.#look().text === '!';
    if (absent) this.#next();
    const { type, text: key } = this.#next();
    if (type !== 'identifier') throw unreadable(`found '${key}', expected: identifier`);
    for (const why of qualifiedNameProblems(key)) throw unreadable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${why}`);
    const ahead = this.#look();
    if (absent) return (labels) => !Object.hasOwn(labels, key);
    if (ahead.type === 'end' || ahead.text === ',') return (labels) => Object.hasOwn(labels, key);
    return this.#comparison(key);
  }

  #comparison(key: string): LabelTest {
    const { text: operator } = this.#next();
    switch (operator) {
      case 'in': case 'notin': {
        const values = new Set(checked(key, this.#values()));
        const within: LabelTest = (labels) => Object.hasOwn(labels, key) && values.has(labels[key] ?? '');
        return operator === 'in' ? within : (labels) => !within(labels);
      }
      case '=': case '==': case '!=': {
        const [value = ''] = checked(key, [this.#exactValue()]);
        const same: LabelTest = (labels) => Object.hasOwn(labels, key) && labels[key] === value;
        return operator === '!=' ? (labels) => !same(labels) : same;
      }
      case '<': case '>': {
        const value = this.#exactValue();
        if (!/^-?[0-9]+$/.test(value)) throw unreadable(`values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
        const bound = BigInt(value);
        return (labels) => {
          const own = Object.hasOwn(labels, key) ? labels[key] : undefined;
          return own !== undefined && /^-?[0-9]+$/.test(own) && (operator === '>' ? BigInt(own) > bound : BigInt(own) < bound);
        };
      }
      default: throw unreadable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #exactValue(): string {
    const ahead = this.#look();
    if (ahead.type === 'end' || ahead.text === ',') return '';
    const { type, text } = this.#next();
    if (type !== 'identifier') throw unreadable(`found '${text}', expected: identifier`);
    return text;
  }

  #values(): string[] {
    const open = this.#next();
    if (open.text !== '(') throw unreadable(`found '${open.text}' expected: '('`);
    const ahead = this.#look();
    if (ahead.text === ')') {
      this.#next();
      return [''];
    }
    if (ahead.type !== 'identifier' && ahead.text !== ',') throw unreadable(`found '${ahead.text}', expected: ',', ')' or identifier`);
    const values = this.#list();
    this.#next(); // the closing parenthesis, which ended the list
    return values;
  }

  /** Up to the closing parenthesis; nothing between commas is the empty value. */
  #list(): string[] {
    const values: string[] = [];
    for (;;) {
      const { type, text } = this.#next();
      if (type === 'identifier') {
        values.push(text);
        const ahead = this.#look();
        if (ahead.text === ')') return values;
        if (ahead.text !== ',') throw unreadable(`found '${ahead.text}', expected: ',' or ')'`);
      } else if (text === ',') {
        if (values.length === 0) values.push('');
        const ahead = this.#look();
        if (ahead.text === ')') return [...values, ''];
        if (ahead.text === ',') {
          this.#next();
          values.push('');
        }
      } else {
        throw unreadable(`found '${text}', expected: ',', or identifier`);
      }
    }
  }
}

function checked(key: string, values: string[]): string[] {
  for (const [index, value] of values.entries()) {
    for (const why of labelValueProblems(value)) throw unreadable(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${why}`);
  }
  return values;
}

const unreadable = (why: string): BadRequest => new BadRequest(`unable to parse requirement: ${why}`);
