/** Helm against standalone: it keeps its state in Secrets and must find them; a chart of our kinds comes, stays, changes and goes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../hack/lib/exec.js';
import { toolPath } from '../../hack/tools/paths.js';
import { startApi, type ApiUnderTest } from '../integration/kubectl/server.js';

const objects = (displayName: string): string => `
apiVersion: restic-manager.io/v1alpha1
kind: Host
metadata: {name: web1, labels: {env: prod}}
spec: {displayName: ${displayName}}
---
apiVersion: restic-manager.io/v1alpha1
kind: Repository
metadata: {name: web1}
spec: {url: /srv/backup/web1, credentialsSecretRef: {name: web1-credentials}, runner: {hostRef: {name: web1}}}
---
apiVersion: restic-manager.io/v1alpha1
kind: SourceGroup
metadata: {name: etc}
spec: {hostSelector: {matchLabels: {env: prod}}, tag: etc, includes: [/etc]}
---
apiVersion: restic-manager.io/v1alpha1
kind: Schedule
metadata: {name: nightly}
spec: {schedule: "0 3 * * *", sourceGroupRefs: [{name: etc}]}
`;

describe('helm against standalone', function () {
  this.timeout(2 * 60_000);
  let api: ApiUnderTest;
  let dir: string;
  before(async () => {
    api = await startApi();
    dir = await mkdtemp(join(tmpdir(), 'rm-helm-'));
    await mkdir(join(dir, 'chart/templates'), { recursive: true });
    await writeFile(join(dir, 'chart/Chart.yaml'), 'apiVersion: v2\nname: backups\nversion: 1.0.0\n');
    await writeFile(join(dir, 'chart/values.yaml'), 'displayName: One\n');
    await writeFile(join(dir, 'chart/templates/objects.yaml'), objects('{{ .Values.displayName }}'));
  });
  after(async () => {
    await api.close();
    await rm(dir, { recursive: true, force: true });
  });

  const helm = async (...args: string[]): Promise<string> => {
    const env = { PATH: process.env['PATH'], HOME: dir, KUBECONFIG: join(api.dir, 'admin.kubeconfig') };
    return (await run(toolPath('helm'), args, { env, timeoutMs: 60_000 })).stdout;
  };
  const upgrade = (...more: string[]): Promise<string> => helm('upgrade', '--install', 'backups', join(dir, 'chart'), '--namespace', 'default', ...more);
  const versions = (): Promise<string> => api.kubectl(['get', 'hosts,repositories,sourcegroups,schedules', '-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.uid}{"\\n"}{end}']);

  it('installs, installs again without a change, upgrades, rolls back and uninstalls', async () => {
    expect(await upgrade()).to.match(/STATUS: deployed\nREVISION: 1/);
    const first = await versions();
    expect(first.trim().split('\n').map((line) => line.split(' ')[0])).to.deep.equal(['Host/web1', 'Repository/web1', 'SourceGroup/etc', 'Schedule/nightly']);
    expect(await upgrade()).to.match(/STATUS: deployed\nREVISION: 2/);
    expect(await versions(), 'the second time changes nothing').to.equal(first);
    expect(await upgrade('--set', 'displayName=Two')).to.match(/REVISION: 3/);
    expect(await api.kubectl(['get', 'host', 'web1', '-o', 'jsonpath={.spec.displayName} {.metadata.generation}'])).to.equal('Two 2');
    expect(await helm('rollback', 'backups', '1', '--namespace', 'default')).to.include('Rollback was a success');
    expect(await api.kubectl(['get', 'host', 'web1', '-o', 'jsonpath={.spec.displayName}'])).to.equal('One');
    expect(await helm('list', '--namespace', 'default', '-q')).to.equal('backups\n');
    expect((await helm('history', 'backups', '--namespace', 'default')).trim().split('\n')).to.have.length(5);
    expect(await api.kubectl(['get', 'secrets', '-l', 'owner=helm', '-o', 'jsonpath={.items[*].type}'])).to.equal(Array(4).fill('helm.sh/release.v1').join(' '));

    expect(await helm('uninstall', 'backups', '--namespace', 'default')).to.include('release "backups" uninstalled');
    expect(await versions()).to.equal('');
    expect(await api.kubectl(['get', 'secrets', '-l', 'owner=helm', '-o', 'name'])).to.equal('');
  });

  it('refuses a chart that the rules refuse and leaves nothing of it', async () => {
    await writeFile(join(dir, 'chart/templates/objects.yaml'), objects('{{ .Values.displayName }}').replace('includes: [/etc]', 'includes: []'));
    const message = await upgrade('--atomic', '--timeout', '20s').then(() => 'it was accepted', String);
    expect(message).to.include('SourceGroup.restic-manager.io "etc" is invalid').and.to.include('spec.includes');
    expect(await versions()).to.equal('');
  });
});
