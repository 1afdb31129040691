import { chmod, chown, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../../test/builders/agentParts.js';
import { windowsHost } from '../../test/builders/windowsHost.js';
import { readAgentFile } from './agentFile.js';
import { openRules } from './policy.js';

describe('agent.yaml', () => {
  const scratch = new Scratch();
  let path = '';
  beforeEach(async () => { path = join(await scratch.dir('agent-yaml'), 'agent.yaml'); });
  afterEach(async () => scratch.clean());

  const problemsOf = async (text: string): Promise<string[]> => {
    await writeFile(path, text);
    return readAgentFile(path, true).then(() => [], (error: unknown) => (error as Error).message.split('\n'));
  };

  it('is open where it says nothing, and need not be there unless it is named', async () => {
    expect(await readAgentFile(path, false)).to.deep.equal(openRules);
    expect(await readAgentFile(path, true).then(() => '', String)).to.contain(`RM_AGENT_CONFIG: there is no file ${path}`);
    for (const text of ['', '# nothing yet\n', 'policy: {}\n']) {
      expect(await problemsOf(text)).to.deep.equal([]);
      expect(await readAgentFile(path, true)).to.deep.equal(openRules);
    }
  });

  it('is read whole', async () => {
    expect(await problemsOf(`
policy:
  hooks: directory
  inPlaceRestore: false
  restoreRoots: [/srv/restore/]
  includeRoots: [/srv, /home]
  repositoryURLs: ['rest:https://backup.example.com/web1/', /mnt/backup]
  updates: false
environment: {SSH_AUTH_SOCK: /run/agent.sock, LEVEL: '3'}
allowPlaintext: true
`)).to.deep.equal([]);
    expect(await readAgentFile(path, true)).to.deep.equal({
      policy: { hooks: 'directory', inPlaceRestore: false, restoreRoots: ['/srv/restore'], includeRoots: ['/srv', '/home'], repositoryURLs: ['rest:https://backup.example.com/web1/', '/mnt/backup'], updates: false },
      environment: { SSH_AUTH_SOCK: '/run/agent.sock', LEVEL: '3' },
      allowPlaintext: true,
    });
  });

  it('is as docs/agent.md shows it, with every key', async () => {
    const doc = await readFile(new URL('../../docs/agent.md', import.meta.url), 'utf8');
    expect(await problemsOf(/```yaml\n(.*?)```/s.exec(doc)?.[1] ?? '')).to.deep.equal([]);
    const rules = await readAgentFile(path, true);
    expect(Object.keys(rules.policy)).to.have.members(['hooks', 'inPlaceRestore', 'restoreRoots', 'includeRoots', 'repositoryURLs', 'updates']);
    for (const key of [...Object.keys(rules.policy).map((name) => `policy.${name}`), 'environment', 'allowPlaintext']) expect(doc).to.contain(`| \`${key}\` |`);
  });

  for (const [text, problem] of [
    ['{}\n---\n{}\n', 'has 2 documents; put everything into one'],
    ['- a', 'give keys and values (policy, environment, allowPlaintext)'],
    ['polcy: {}', 'polcy is not known; the nearest is policy (this version knows policy, environment, allowPlaintext)'],
    ['policy: {hook: off}', 'policy.hook is not known; the nearest is policy.hooks (this version knows hooks, inPlaceRestore, restoreRoots, includeRoots, repositoryURLs, updates)'],
    ['policy:', 'policy must have keys and values'],
    ['policy: {hooks: "no"}', 'policy.hooks must be one of server, directory, off, not "no"'],
    ['policy: {hooks: false}', 'policy.hooks must be one of server, directory, off, not false'],
    ['policy: {inPlaceRestore: "no"}', 'policy.inPlaceRestore must be true or false, not "no"'],
    ['policy: {updates: 0}', 'policy.updates must be true or false, not 0'],
    ['policy: {restoreRoots: /srv}', 'policy.restoreRoots must be a list, not "/srv"; leave the key out to allow everything'],
    ['policy: {restoreRoots:}', 'policy.restoreRoots must be a list, not null; leave the key out to allow everything'],
    ['policy: {restoreRoots: [/a, srv]}', 'policy.restoreRoots[1] must be an absolute directory, not "srv"'],
    ['policy: {includeRoots: [7]}', 'policy.includeRoots[0] must be text, not 7'],
    ['policy: {repositoryURLs: ["https://h/"]}', 'policy.repositoryURLs[0] is no address that can be compared: "https://h/"; write it as restic does (rest:https://host/path, s3:https://host/bucket, sftp:host:/path, b2:bucket:path, /directory), without "..", "%" and back slashes'],
    ['policy: {repositoryURLs: ["rest:https://me@h/"]}', 'policy.repositoryURLs[0] names a user; leave it out, users are not compared'],
    ['environment: [A=b]', 'environment must have keys and values'],
    ['environment: {RESTIC_PASSWORD: canary}', 'environment.RESTIC_PASSWORD cannot be set here: each run sets RESTIC_* itself, from the plan of the server'],
    ['environment: {restic_repository: canary}', 'environment.restic_repository cannot be set here: each run sets RESTIC_* itself, from the plan of the server'],
    ['environment: {RM_SERVER: canary}', 'environment.RM_SERVER cannot be set here: RM_* are settings of the agent, which it takes from its own environment (agent.env)'],
    ['environment: {AWS_SECRET_ACCESS_KEY: 4711}', 'environment.AWS_SECRET_ACCESS_KEY must be text; put it in quotes'],
    ['environment: {"A B": x}', 'environment.A B is no name of a variable'],
    ['environment: {A: "x\\0y"}', 'environment.A contains a NUL character, which no program can be given'],
    ['allowPlaintext: 1', 'allowPlaintext must be true or false, not 1'],
  ] as const) {
    it(`stops the start over ${JSON.stringify(text)}, naming file, key and what is known`, async () => { expect(await problemsOf(text)).to.deep.equal([`${path}: ${problem}`]); });
  }

  it('tells every problem at once, and shows no value of the environment', async () => {
    const problems = await problemsOf('policy: {hooks: x, updates: y}\nenvironment: {RM_TOKEN: canary-4711, A: [canary-4711]}\nallow: 1\n');
    expect(problems).to.have.length(5);
    expect(problems.join('\n')).not.to.contain('canary');
    expect((await problemsOf('policy: {hooks: [\n')).join('\n')).to.contain(`${path}: `);
  });

  it('is refused when others than root and the agent may change it or its directory, with the command (chmod, chown)', async () => {
    await writeFile(path, 'policy: {hooks: off}\n');
    const refusal = async (named = path): Promise<string> => readAgentFile(named, true).then(() => '', (error: unknown) => (error as Error).message);
    for (const mode of [0o664, 0o646]) {
      await chmod(path, mode);
      expect(await refusal()).to.equal(`${path} has mode 0${mode.toString(8)}, so others may change it: run chmod go-w ${path}; it bounds what the server may ask of this host`);
    }
    await chmod(path, 0o644);
    expect(await refusal()).to.equal('');
    await chmod(dirname(path), 0o777);
    expect(await refusal()).to.contain(`${dirname(path)} has mode 0777, so others may change it: run chmod go-w ${dirname(path)}`);
    await chmod(dirname(path), 0o755);
    if (process.getuid?.() !== 0) return;
    await chown(path, 65534, 65534);
    expect(await refusal()).to.contain(`${path} belongs to uid 65534, who may change it: run chown 0 ${path}`);
    await chown(path, 0, 0);
    const elsewhere = join(dirname(path), 'theirs');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'agent.yaml'), '');
    await chown(elsewhere, 65534, 65534);
    const link = join(dirname(path), 'linked.yaml');
    await symlink(join(elsewhere, 'agent.yaml'), link);
    expect(await refusal(link), 'whoever owns the directory behind a link may put another file there').to.contain(`${elsewhere} belongs to uid 65534`);
  });

  it('is refused when others may read a password in its environment', async () => {
    await writeFile(path, 'environment: {HTTPS_PROXY: "http://me:canary@proxy:3128"}\n', { mode: 0o644 });
    expect(await readAgentFile(path, true).then(() => '', String)).to.contain(`${path} has mode 0644, but its environment holds a password: run chmod 0600 ${path}`).and.not.to.contain('canary');
    await chmod(path, 0o600);
    expect((await readAgentFile(path, true)).environment).to.have.property('HTTPS_PROXY');
  });

  it('is refused on Windows when others may change it or its directory, or may read a password in it', async () => {
    const windows = windowsHost();
    const refusal = async (): Promise<string> => readAgentFile(path, true, windows).then(() => '', (error: unknown) => (error as Error).message);
    const mayRead = 'O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)';
    const mayChange = 'O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1301bf;;;AU)';
    await writeFile(path, 'policy: {hooks: off}\n');
    windows.lists = { [path]: mayRead, [dirname(path)]: mayRead };
    expect(await refusal(), 'it holds no secret').to.equal('');
    windows.lists = { [path]: mayChange };
    expect(await refusal()).to.equal(`${path} may be changed by AU (Authenticated Users): run icacls "${path}" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F; it bounds what the server may ask of this host`);
    windows.lists = { [dirname(path)]: mayChange };
    expect(await refusal()).to.contain(`${dirname(path)} may be changed by AU (Authenticated Users): run icacls "${dirname(path)}" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F`);
    await writeFile(path, 'environment: {HTTPS_PROXY: "http://me:canary@proxy:3128"}\n');
    windows.lists = {};
    expect(await refusal()).to.equal('');
    windows.lists = { [path]: mayRead };
    expect(await refusal()).to.equal(`${path} is open to BU (Users), but its environment holds a password: run icacls "${path}" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F`);
  });
});
