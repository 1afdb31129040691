import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { equalText } from './constantTime.js';

describe('comparing secrets (E30)', () => {
  it('tells equal from unequal, whatever the lengths', () => {
    expect(equalText('secret', 'secret')).to.equal(true);
    for (const other of ['Secret', 'secre', 'secrett', '', 'x'.repeat(10_000)]) expect(equalText('secret', other), other.slice(0, 10)).to.equal(false);
    expect(equalText('', '')).to.equal(true);
  });

  it('is nowhere done with ===: what a Secret holds is looked up by a hash or compared in constant time', () => {
    const found: string[] = [];
    for (const room of ['auth', 'operator', 'sessions', 'resources', 'live']) {
      const folder = new URL(`../${room}/`, import.meta.url);
      for (const file of readdirSync(folder)) {
        if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
        readFileSync(new URL(file, folder), 'utf8').split('\n').forEach((line, index) => {
          const secret = /(data\['(hash|token|password|bearer)'\]|\b(bearer|password|presented|rawToken))( \?\? '')?\)? *(===|!==) (?!undefined|''|null)/.exec(line);
          if (secret) found.push(`${room}/${file}:${String(index + 1)} ${line.trim()}`);
        });
      }
    }
    expect(found).to.deep.equal([]);
  });
});
