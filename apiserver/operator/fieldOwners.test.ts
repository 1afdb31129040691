import { expect } from 'chai';
import { newObject, type Schedule } from '#crds/kinds.js';
import type { KubeObject, ManagedFieldsEntry } from '#crds/meta.js';
import { declaredElsewhere, refuseDeclaredElsewhere, refuseDeletingDeclared } from './fieldOwners.js';

const spec = (more: Partial<Schedule['spec']> = {}): Schedule['spec'] => ({ schedule: '0 2 * * *', sourceGroupRefs: [{ name: 'files' }], ...more });
const entry = (manager: string, operation: 'Apply' | 'Update', fields: string[], more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry => ({ manager, operation, apiVersion: 'restic-manager.io/v1alpha1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': Object.fromEntries(fields.map((field) => [`f:${field}`, {}])) }, ...more });
const stored = (managedFields: ManagedFieldsEntry[], annotations?: Record<string, string>): KubeObject => newObject('Schedule', { name: 'nightly', managedFields, ...(annotations ? { annotations } : {}) }, { spec: spec() });
const edited = (before: KubeObject, more: Partial<Schedule['spec']>): KubeObject => ({ ...before, spec: spec(more) } as KubeObject);
const applied = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ apiVersion: 'restic-manager.io/v1alpha1', kind: 'Schedule', metadata: { name: 'nightly' }, spec: { schedule: '0 2 * * *' } }) };

describe('fields that are declared elsewhere (X11)', () => {
  const rows: [what: string, before: KubeObject, edit: Partial<Schedule['spec']>, owner: string | undefined][] = [
    ['an applier of the field', stored([entry('manifests', 'Apply', ['schedule'])]), { schedule: '0 3 * * *' }, 'manifests'],
    ['an applier of another field', stored([entry('manifests', 'Apply', ['schedule'])]), { suspend: true }, undefined],
    ['an applier of the same value', stored([entry('manifests', 'Apply', ['schedule'])]), { schedule: '0 2 * * *' }, undefined],
    ['an applier of an item that would go', stored([entry('ci', 'Apply', [], { fieldsV1: { 'f:spec': { 'f:sourceGroupRefs': { 'k:{"name":"files"}': { '.': {}, 'f:name': {} } } } } })]), { sourceGroupRefs: [{ name: 'other' }] }, 'ci'],
    ['a Git manager that updates', stored([entry('kustomize-controller', 'Update', ['schedule'])]), { schedule: '0 3 * * *' }, 'kustomize-controller'],
    ['a person who updated', stored([entry('kubectl-edit', 'Update', ['schedule'])]), { schedule: '0 3 * * *' }, undefined],
    ['what manifests let go', stored([entry('manifests', 'Update', ['schedule'])]), { schedule: '0 3 * * *' }, undefined],
    ['the editor itself', stored([entry('restic-manager-api', 'Apply', ['schedule'])]), { schedule: '0 3 * * *' }, undefined],
    ['an applier of status', stored([entry('x', 'Apply', ['schedule'], { subresource: 'status' })]), { schedule: '0 3 * * *' }, undefined],
    ['the last-applied annotation', stored([], applied), { schedule: '0 3 * * *' }, 'kubectl-client-side-apply'],
    ['the last-applied annotation of another field', stored([], applied), { suspend: true }, undefined],
    ['nobody', stored([]), { schedule: '0 3 * * *' }, undefined],
  ];
  for (const [what, before, edit, owner] of rows) {
    it(`${owner === undefined ? 'may be edited' : 'are refused'}: ${what}`, () => {
      expect(declaredElsewhere('Schedule', before, edited(before, edit), 'restic-manager-api').map(({ manager }) => manager)).to.deep.equal(owner === undefined ? [] : [owner]);
    });
  }

  it('are refused with 409, manager and field', () => {
    const before = stored([entry('manifests', 'Apply', ['schedule'])]);
    expect(() => { refuseDeclaredElsewhere('Schedule', before, edited(before, { schedule: '0 3 * * *' }), 'restic-manager-api'); })
      .to.throw('Schedule nightly is declared elsewhere: spec.schedule by "manifests". Change it there').with.property('status', 409);
  });

  it('keep their object from being deleted, while somebody goes on declaring it', () => {
    expect(() => { refuseDeletingDeclared('Schedule', stored([entry('manifests', 'Apply', ['schedule'])])); }).to.throw('declared by "manifests"').with.property('status', 409);
    refuseDeletingDeclared('Schedule', stored([entry('kubectl', 'Apply', ['schedule'])]));
    refuseDeletingDeclared('Schedule', stored([entry('manifests', 'Update', ['schedule'])]));
  });
});
