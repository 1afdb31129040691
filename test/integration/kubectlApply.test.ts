/** Real kubectl apply --server-side against the resource API: what people and pipelines meet, in the words of the API server. */
import { expect } from 'chai';
import type { ManagedFieldsEntry } from '#crds/meta.js';
import type { ApiUnderTest, Ran } from './kubectl/server.js';
import { startApi } from './kubectl/server.js';

interface Shown { metadata: { resourceVersion: string; generation?: number; labels?: Record<string, string>; annotations?: Record<string, string>; managedFields: ManagedFieldsEntry[] }; spec: Record<string, unknown>; status?: Record<string, unknown>; data?: Record<string, string> }

describe('kubectl apply --server-side (X1 X2)', function () {
  this.timeout(60_000);
  let api: ApiUnderTest;
  let serial = 0;

  before(async () => { api = await startApi(); });
  after(async () => { await api.close(); });

  const fresh = (): string => `web${serial += 1}`;
  const host = (name: string, spec = '', labels = ''): string => `apiVersion: restic-manager.io/v1alpha1\nkind: Host\nmetadata: {name: ${name}, labels: {${labels}}}\nspec: {${spec}}\n`;
  const apply = (input: string, ...args: string[]): Promise<Ran> => api.run(['apply', '--server-side', '-f', '-', ...args], { input });
  const show = async (name: string, kind = 'host'): Promise<Shown> => JSON.parse(await api.kubectl(['get', kind, name, '-o', 'json', '--show-managed-fields'])) as Shown;
  const owners = ({ metadata }: Shown): unknown[] => metadata.managedFields.map(({ manager, operation, subresource, fieldsV1 }) => [manager, operation, ...(subresource === undefined ? [] : [subresource]), fieldsV1]);
  const ok = (ran: Ran): string => {
    expect(ran, ran.stderr).to.include({ code: 0 });
    return ran.stdout;
  };

  it('creates, changes nothing, changes', async () => {
    const name = fresh();
    expect(ok(await apply(host(name, 'displayName: One', 'env: prod')))).to.equal(`host.restic-manager.io/${name} serverside-applied\n`);
    const made = await show(name);
    expect(made.spec).to.deep.equal({ displayName: 'One', presence: 'AlwaysOn' });
    expect(owners(made)).to.deep.equal([['kubectl', 'Apply', { 'f:metadata': { 'f:labels': { 'f:env': {} } }, 'f:spec': { 'f:displayName': {} } }]]);
    ok(await apply(host(name, 'displayName: One', 'env: prod')));
    expect(await show(name)).to.deep.equal(made);
    ok(await apply(host(name, 'displayName: Two', 'env: prod')));
    const changed = await show(name);
    expect(changed.spec['displayName']).to.equal('Two');
    expect(changed.metadata.generation).to.equal(2);
  });
});
