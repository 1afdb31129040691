/** The back ends of other tests are what they say: restic of both versions works on them, and only those may delete who may. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run as execute } from '../../hack/lib/exec.js';
import { restics } from './agentParts.js';
import { startBackend, type Backend, type BackendName } from './backends.js';

/** As a host would: with the everyday Secret (or another one) in its environment. */
async function asHost(backend: Backend, repository: string, program: string, args: string[], secret = backend.secret(repository)): Promise<{ status: number; text: string }> {
  const { password = '', username, 'ssh-key': key, known_hosts: hosts, RESTIC_REST_PASSWORD: rest = '', ...env } = secret;
  const home = await mkdtemp(join(tmpdir(), 'rm-host-'));
  try {
    const url = username === undefined ? backend.url(repository) : backend.url(repository).replace('http://', `http://${username}:${rest}@`);
    const options: string[] = [];
    if (key !== undefined && hosts !== undefined) {
      for (const [name, content] of [['key', key], ['hosts', hosts]] as const) { await writeFile(join(home, name), content); await chmod(join(home, name), 0o600); }
      const { port, username: user, hostname } = new URL(url);
      options.push('-o', `sftp.command=ssh -F /dev/null -p ${port} -i ${home}/key -o IdentitiesOnly=yes -o UserKnownHostsFile=${home}/hosts -o StrictHostKeyChecking=yes -o BatchMode=yes ${user}@${hostname} -s sftp`);
    }
    // Not in step: the append-only back end's front door lives in this process.
    const { code, stdout, stderr } = await execute(program, ['-r', url, ...options, ...args], { env: { PATH: process.env['PATH'] ?? '', HOME: home, RESTIC_PASSWORD: password, ...env }, mayFail: true, timeoutMs: 60_000 });
    return { status: code, text: stdout + stderr };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

describe('back ends of the tests', function () {
  this.timeout(120_000);
  for (const name of ['local', 'rest', 'append-only', 's3', 'sftp'] satisfies BackendName[]) {
    it(`${name}: both restics work on it, what must not be deleted is not, and it goes away and comes back`, async () => {
      const backend = await startBackend(name, ['web1', 'web2']);
      try {
        for (const [index, { path }] of restics.entries()) {
          const repository = `web${String(index + 1)}`;
          const run = async (...args: string[]): Promise<string> => {
            const { status, text } = await asHost(backend, repository, path, args);
            expect(status, `${repository} ${args.join(' ')}\n${text}`).to.equal(0);
            return text;
          };
          await run('init');
          await run('backup', '--host', repository, backend.dir);
          const id = (JSON.parse(await run('snapshots', '--json')) as { id: string }[])[0]?.id ?? '';
          expect(backend.restic(repository, ['snapshots', '--json']).stdout).to.contain(id);
        }
        const left = (): number => (JSON.parse(backend.restic('web1', ['snapshots', '--json', '--no-lock']).stdout) as unknown[]).length;
        const forget = ['forget', 'latest'];
        await asHost(backend, 'web1', restics[0].path, forget);
        expect(left(), 'snapshots after the everyday account deletes').to.equal(backend.deletes ? 0 : 1);
        if (backend.adminSecret) {
          const { status, text } = await asHost(backend, 'web1', restics[0].path, forget, backend.adminSecret);
          expect(status, text).to.equal(0);
          expect(left()).to.equal(0);
          const other = await asHost(backend, 'web2', restics[0].path, ['snapshots'], backend.secret('web1'));
          expect(other.status, 'another host\'s repository').to.not.equal(0);
        }
        if (name === 'local') return;
        await backend.away();
        expect((await asHost(backend, 'web2', restics[1].path, ['cat', 'config'])).text).to.match(/refused|EOF/);
        await backend.back();
        expect((await asHost(backend, 'web2', restics[1].path, ['cat', 'config'])).status).to.equal(0);
      } finally {
        await backend.stop();
      }
    });
  }
});
