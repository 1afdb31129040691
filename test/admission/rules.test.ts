/** The rule table: every constraint of every kind has a row, and without any one constraint some row would tell. */
import { expect } from 'chai';
import { crds } from '#crds/types/crds.gen.js';
import { createAdmission } from '#apiserver/admission/index.js';
import { constraintsOf, without } from './constraints.js';
import type { CrdKind } from './objects.js';
import { verdict } from './row.js';
import type { Row } from './row.js';
import { rowTable } from './table.js';

const kinds = Object.keys(rowTable) as CrdKind[];
const rowsOf = (kind: CrdKind): Row[] => rowTable[kind];

/** Changes made of nothing but the paths and short values. */
const shown = ({ on, change, why }: Row): string => `${on} ${Object.entries(change).map(([path, value]) => `${path}=${typeof value === 'symbol' ? 'gone' : JSON.stringify(value).slice(0, 40)}`).join(', ')}${why ? ` (${why})` : ''}`;

describe('The rules of the kinds', () => {
  const admission = createAdmission({ namespace: 'default' });

  for (const kind of kinds) {
    it(`answers each row of ${kind} (${rowsOf(kind).length}) as the API server would`, () => {
      for (const row of rowsOf(kind)) expect(verdict(admission, kind, row), shown(row)).to.include(row.says);
    });

    it(`has a row of ${kind} that turns red when any one rule is deleted`, () => {
      for (const constraint of constraintsOf(crds[kind])) {
        const changed = createAdmission({ namespace: 'default', definitions: { [kind]: without(crds[kind], constraint) } });
        const red = rowsOf(kind).some((row) => !verdict(changed, kind, row).includes(row.says));
        expect(red, `no row of ${kind} tests: ${constraint.name}`).to.equal(true);
      }
    });
  }
});
