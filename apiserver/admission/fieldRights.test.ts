/** Who may set what (40-api, field rights): each field of the table written out, as an operator and as an admin. */
import { expect } from 'chai';
import { newObject, type Kind, type KindMap } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import { Forbidden, type Role } from '#crds/objectStore.js';
import { changed, gone } from '../../test/admission/row.js';
import type { Loose } from '../../test/admission/objects.js';
import { fieldRights } from './fieldRights.js';
import { createAdmission } from './index.js';

const admission = createAdmission({ namespace: 'default' });
const secretRef = { name: 's' };
const plain = {
  Host: newObject('Host', { name: 'web1' }, { spec: {} as KindMap['Host']['spec'] }),
  SourceGroup: newObject('SourceGroup', { name: 'web1' }, { spec: { hostRef: { name: 'web1' }, includes: ['/etc'] } as KindMap['SourceGroup']['spec'] }),
  Repository: newObject('Repository', { name: 'web1' }, { spec: { url: '/srv/a', credentialsSecretRef: secretRef } }),
  ResticJob: newObject('ResticJob', { name: 'web1' }, { spec: { hostRef: { name: 'web1' }, type: 'Restore', restore: { snapshot: 'abcdef01' } } as KindMap['ResticJob']['spec'] }),
};
type Judged = keyof typeof plain;
/** As stored: with its defaults. */
const like = (kind: Judged, change: Record<string, unknown>): Loose => admission.defaulted(kind, changed(structuredClone(plain[kind]) as unknown as Loose, change) as never) as unknown as Loose;

/** What an operator is told; undefined when the write passes. */
function refusal(kind: Judged, object: Loose, old?: Loose, role: Role = 'operator'): string | undefined {
  try {
    admission.admit({
      kind: kind as Kind, operation: old ? 'update' : 'create', object: object as never, ...(old ? { old: old as unknown as Stored<KindMap[Kind]> } : {}), fieldValidation: 'Strict',
      writer: { principal: { name: 'alice', role }, door: 'resources', fieldManager: 'test' },
    });
    return undefined;
  } catch (error) {
    if (error instanceof Forbidden) return error.message;
    throw error;
  }
}

const hooks = { pre: { secretKeyRef: { name: 'hooks', key: 'pre.sh' } } };
const forget = { 'spec.type': 'Forget', 'spec.restore': gone };
/** Per field of the table: two values of it, and what the object needs besides. */
const fields: [kind: Judged, verb: string, field: string, one: unknown, two: unknown, base?: Record<string, unknown>][] = [
  ['Host', 'sethooks', 'spec.hooks', hooks, { ...hooks, timeoutSeconds: 5 }],
  ['SourceGroup', 'sethooks', 'spec.hooks', hooks, { ...hooks, timeoutSeconds: 5 }],
  ['SourceGroup', 'sethooks', 'spec.stdin', { command: ['a'], filename: 'a' }, { command: ['b'], filename: 'a' }, { 'spec.includes': gone }],
  ['Repository', 'bind', 'spec.url', '/srv/b', '/srv/c'],
  ['Repository', 'bind', 'spec.credentialsSecretRef', { name: 't' }, { name: 'u' }],
  ['Repository', 'bind', 'spec.adminCredentialsSecretRef', { name: 't' }, { name: 'u' }],
  ['Repository', 'bind', 'spec.options', { 's3.region': 'a' }, { 's3.region': 'b' }],
  ['Repository', 'bind', 'spec.runner.adminCredentials', 'OnRunner', 'FromServer', { 'spec.runner': { hostRef: { name: 'web1' } } }],
  ['Repository', 'bind', 'spec.runner.hostRef', { name: 'web1' }, { name: 'web2' }, { 'spec.adminCredentialsSecretRef': secretRef, 'spec.runner': { hostRef: { name: 'web9' } } }],
  ['Repository', 'approveforget', 'spec.retentionGuard', { maxRemovalPercent: 100 }, { keepWithinFloor: '0d' }],
  ['ResticJob', 'restoreinplace', 'spec.restore.inPlace', true, true, { 'spec.restore.confirmHostName': 'web1' }],
  ['ResticJob', 'restorefrom', 'spec.restore.repositoryRef', { name: 'web2' }, { name: 'web3' }],
  ['ResticJob', 'approveforget', 'spec.forget.snapshotIDs', ['abcdef01'], ['abcdef02'], forget],
  ['ResticJob', 'approveforget', 'spec.forget.approvedPlan', 'abcdef0123456789', 'abcdef0123456780', forget],
];

describe('field rights', () => {
  it('are each tested here', () => {
    const known = Object.entries(fieldRights).flatMap(([kind, rights]) => rights.map(({ verb, field }) => `${kind} ${verb} ${field}`));
    const tested = fields.map(([kind, verb, field]) => `${kind} ${verb} ${field}`);
    expect([...tested, 'Repository approveforget metadata.annotations[restic-manager.io/approve-forget]'].sort()).to.deep.equal(known.sort());
  });

  for (const [kind, verb, field, one, two, base = {}] of fields) {
    const needed = (text: string | undefined): void => { expect(text).to.include(`User "alice" cannot ${verb} resource`).and.to.match(/ needs it(;|$)/).and.to.include(field); };
    it(`need ${verb} to set ${field} of a ${kind}, to change it and to take it away`, () => {
      // The job's spec is immutable; the repository is an admin's to make.
      if (kind !== 'Repository') needed(refusal(kind, like(kind, { ...base, [field]: one })));
      if (kind !== 'ResticJob') {
        needed(refusal(kind, like(kind, { ...base, [field]: one }), like(kind, base)));
        needed(refusal(kind, like(kind, { ...base, [field]: two }), like(kind, { ...base, [field]: one })));
      }
      for (const role of ['admin', 'system'] as const) expect(refusal(kind, like(kind, { ...base, [field]: one }), undefined, role)).to.equal(undefined);
    });
    it(`let an operator change the rest of a ${kind} that has ${field}`, () => {
      const old = like(kind, { ...base, [field]: one });
      const label = { ...base, [field]: one, 'metadata.labels': { env: 'prod' } };
      expect(refusal(kind, like(kind, label), old)).to.equal(undefined);
      if (kind === 'ResticJob') expect(refusal(kind, like(kind, { ...label, 'spec.cancel': true }), old)).to.equal(undefined);
    });
  }

  const annotation = (value: string): Record<string, unknown> => ({ 'metadata.annotations': { 'restic-manager.io/approve-forget': value, note: 'n' } });
  it('need approveforget for the annotation that lets a held forget go, its dots included', () => {
    const old = like('Repository', { 'metadata.annotations': { note: 'm' } });
    for (const [object, before] of [[annotation('aa'), old], [annotation('bb'), like('Repository', annotation('aa'))], [{}, like('Repository', annotation('aa'))]] as const) {
      expect(refusal('Repository', like('Repository', object), before)).to.match(/cannot approveforget .* setting metadata\.annotations\[restic-manager\.io\/approve-forget\] needs it$/);
    }
    expect(refusal('Repository', like('Repository', { 'metadata.annotations': { note: 'n' } }), old)).to.equal(undefined);
  });

  it('take a default for what it stands for: naming the runner is no change of where its credential comes from', () => {
    expect(refusal('Repository', like('Repository', { 'spec.runner': { hostRef: { name: 'web1' } } }), like('Repository', {}))).to.equal(undefined);
    expect(refusal('ResticJob', like('ResticJob', { 'spec.restore.inPlace': false }))).to.equal(undefined);
  });

  it('name every field of a write, and what to leave out', () => {
    expect(refusal('Repository', like('Repository', {}))).to.match(/setting spec\.url and spec\.credentialsSecretRef needs it$/);
    expect(refusal('ResticJob', like('ResticJob', { 'spec.restore.repositoryRef': { name: 'web1' } }))).to.match(/needs it; leave it out for the repository of the host itself$/);
  });
});
