import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PlanGroup, PlanRepository, RestoreArgs } from '#crds/wire/agentProtocol.gen.js';
import { planGroup, Scratch } from '../../test/builders/agentParts.js';
import { ResticError } from '../restic/exitCodes.js';
import { openRules, Policy, type PolicyRules } from './policy.js';

describe('policy of the host\'s owner', () => {
  const scratch = new Scratch();
  let dir = '';
  let file = '';
  beforeEach(async () => {
    dir = await scratch.dir('policy');
    file = join(dir, 'agent.yaml');
    for (const name of ['inside', 'inside/deep', 'outside', 'hooks.d']) await mkdir(join(dir, name), { mode: 0o755 });
  });
  afterEach(async () => scratch.clean());

  const policy = (rules: Partial<PolicyRules>, environment: Record<string, string> = {}): Policy => new Policy({ policy: { ...openRules.policy, ...rules }, environment }, file);
  const refusal = async (work: Promise<unknown>): Promise<string> => work.then(() => 'allowed', (error: unknown) => {
    expect(error).to.be.instanceOf(ResticError);
    expect((error as ResticError).reason).to.equal('PolicyRefused');
    return (error as ResticError).message;
  });

  it('allows everything where agent.yaml says nothing, and nothing where a list is empty', async () => {
    const open = policy({});
    await open.requireBackup(planGroup({ includes: ['/etc'], hooks: { timeoutSeconds: 1, pre: { body: 'x' } } }));
    await open.requireBackup(planGroup({ includes: [], stdin: { command: ['x'], filename: 'x' } }));
    await open.requireRestore({ snapshot: 's', overwrite: 'Always', inPlace: true }, '/');
    await open.requireRepository({ name: 'r', url: 'nonsense', password: 'p' });
    expect(await refusal(policy({ includeRoots: [] }).requireBackup(planGroup({ includes: [dir] })))).to.contain(`policy.includeRoots of ${file} is empty and allows nothing`);
    expect(await refusal(policy({ restoreRoots: [] }).requireRestore({ snapshot: 's', overwrite: 'Never' }, dir))).to.contain('policy.restoreRoots').and.to.contain('is empty and allows nothing');
    expect(await refusal(policy({ repositoryURLs: [] }).requireRepository({ name: 'r', url: dir, password: 'p' }))).to.contain('is empty and allows nothing');
  });

  describe('directories', () => {
    const includes = async (path: string): Promise<string> => refusal(policy({ includeRoots: [join(dir, 'inside')] }).requireBackup(planGroup({ includes: [path] })));
    const restores = async (path: string): Promise<string> => refusal(policy({ restoreRoots: [join(dir, 'inside')] }).requireRestore({ snapshot: 's', overwrite: 'Never' }, path));

    it('are the roots and all below, there or not yet', async () => {
      for (const path of ['inside', 'inside/', 'inside/deep', 'inside/deep/../new', 'inside/new/er']) {
        expect(await includes(join(dir, path)), path).to.equal('allowed');
        expect(await restores(join(dir, path)), path).to.equal('allowed');
      }
    });

    it('are refused outside, also where a name only begins like a root', async () => {
      for (const path of ['/', '/etc', dir, `${dir}/inside2`, `${dir}/inside/../outside`, `${dir}/insid`]) {
        expect(await includes(path), path).to.match(/^policy\.includeRoots of \S+ allows only \S+\/inside: .* of source group docs is outside, so nothing was backed up$/);
        expect(await restores(path), path).to.match(/^policy\.restoreRoots of \S+ allows only \S+\/inside: .* is outside; name a directory below with restore\.targetDirectory$/);
      }
    });

    it('are where links lead: out of a root, over several links, to nowhere and in circles', async () => {
      await symlink(join(dir, 'outside'), join(dir, 'inside/out'));
      await symlink('out', join(dir, 'inside/twice'));
      await symlink(join(dir, 'outside/not-yet'), join(dir, 'inside/dangling'));
      await symlink('circle', join(dir, 'inside/circle'));
      for (const path of ['inside/out', 'inside/out/file', 'inside/twice/new', 'inside/dangling', 'inside/dangling/new', 'inside/circle', 'inside/circle/x']) {
        expect(await includes(join(dir, path)), path).to.contain('is outside');
        expect(await restores(join(dir, path)), path).to.contain('is outside');
      }
      expect(await restores(join(dir, 'inside/out/new'))).to.contain(`${join(dir, 'inside/out/new')}, which is ${join(dir, 'outside/new')}, is outside`);
      await symlink(join(dir, 'inside/deep'), join(dir, 'outside/in'));
      expect(await includes(join(dir, 'outside/in')), 'a way in from outside').to.equal('allowed');
      await symlink(join(dir, 'inside'), join(dir, 'root'));
      expect(await refusal(policy({ includeRoots: [join(dir, 'root')] }).requireBackup(planGroup({ includes: [join(dir, 'inside/deep')] }))), 'a root that is a link').to.equal('allowed');
    });

    it('bound a restore in place as well, which writes from / on', async () => {
      const inPlace: RestoreArgs = { snapshot: 's', overwrite: 'Always', inPlace: true, paths: [join(dir, 'inside/deep')] };
      expect(await refusal(policy({ restoreRoots: [join(dir, 'inside')] }).requireRestore(inPlace, '/'))).to.contain('a restore in place writes from / on');
      expect(await refusal(policy({ restoreRoots: ['/'] }).requireRestore(inPlace, '/'))).to.equal('allowed');
      expect(await refusal(policy({ inPlaceRestore: false, restoreRoots: ['/'] }).requireRestore(inPlace, '/'))).to.equal(`policy.inPlaceRestore: false of ${file} does not allow a restore in place; restore into a directory of its own (restore.targetDirectory)`);
      expect(await refusal(policy({ inPlaceRestore: false }).requireRestore({ ...inPlace, inPlace: false }, dir))).to.equal('allowed');
    });
  });

  describe('hooks and dump commands', () => {
    const hooks = (body: string): PlanGroup => planGroup({ includes: [dir], hooks: { timeoutSeconds: 1, post: { body } } });
    const dump = (...command: [string, ...string[]]): PlanGroup => planGroup({ includes: [], stdin: { command, filename: 'd' } });
    const path = (name = 'dump'): string => join(dir, 'hooks.d', name);
    const inDirectory = async (group: PlanGroup): Promise<string> => refusal(policy({ hooks: 'directory' }).requireBackup(group));

    it('are refused with hooks: off, whatever they are', async () => {
      await writeFile(path(), 'x', { mode: 0o755 });
      for (const group of [hooks('echo'), hooks(path()), dump(path())]) expect(await refusal(policy({ hooks: 'off' }).requireBackup(group))).to.match(/^policy\.hooks: off of \S+ allows none; refused: (hooks|stdin\.command) of source group docs$/);
    });

    it('are, with hooks: directory, the scripts of hooks.d, named by their path alone', async () => {
      await writeFile(path(), '#!/bin/sh\necho own\n', { mode: 0o755 });
      for (const group of [hooks(path()), hooks(`${path()}\n`), dump(path())]) expect(await inDirectory(group)).to.equal('allowed');
      expect(await policy({ hooks: 'directory' }).hook(`${path()}\n`, 'docs')).to.deep.equal({ path: path(), body: '#!/bin/sh\necho own\n' });
      expect(await policy({ hooks: 'server' }).hook('echo', 'docs')).to.deep.equal({ body: 'echo' });
      for (const group of [hooks('echo'), hooks('dump'), hooks(`${path()} --option`), hooks(`${path()}\ntouch /x`), hooks(` ${path()}`), hooks(`sh ${path()}`), hooks(`${join(dir, 'hooks.d')}/./dump`), hooks(`${path('../hooks.d/dump')}`.replace('hooks.d/', 'hooks.d/../hooks.d/')), hooks(path('.dump')), hooks('/bin/sh'), hooks(''), dump('sh', '-c', path()), dump(path(), '--all'), dump('dump')]) {
        expect(await inDirectory(group), JSON.stringify(group)).to.contain(`allows only scripts of ${join(dir, 'hooks.d')}, each named by its path alone (such as ${path('dump-database')})`);
      }
      expect(await inDirectory(hooks(path('absent')))).to.contain(`there is no ${path('absent')} on this host`);
    });

    it('are refused when others may change them, or the directory: with the command', async () => {
      await writeFile(path(), 'x');
      await chmod(path(), 0o775);
      expect(await inDirectory(hooks(path()))).to.contain(`${path()} has mode 0775, so others may change it: run chmod go-w ${path()}`);
      await chmod(path(), 0o755);
      await symlink(path(), path('linked'));
      expect(await inDirectory(hooks(path('linked')))).to.contain('it is a symbolic link');
      await mkdir(path('directory'));
      expect(await inDirectory(hooks(path('directory')))).to.contain('it is not a file');
      await chmod(join(dir, 'hooks.d'), 0o777);
      expect(await inDirectory(hooks(path()))).to.contain(`run chmod go-w ${join(dir, 'hooks.d')}`);
      await chmod(join(dir, 'hooks.d'), 0o755);
      if (process.getuid?.() !== 0) return;
      await chown(path(), 65534, 65534);
      expect(await inDirectory(dump(path()))).to.contain(`${path()} belongs to uid 65534, who may change it: run chown 0 ${path()}`);
    });
  });

  describe('repositories', () => {
    const used = async (repositoryURLs: string[], url: string, env: Record<string, string> = {}, environment: Record<string, string> = {}): Promise<string> => refusal(policy({ repositoryURLs }, environment).requireRepository({ name: 'web1', url, password: 'p', env } satisfies PlanRepository));

    it('are compared with each allowed address; the refusal shows no password', async () => {
      const allowed = ['rest:https://good.example.com/', 's3:https://s3.example.com/bucket'];
      expect(await used(allowed, 's3:s3.example.com/bucket/web1')).to.equal('allowed');
      expect(await used(allowed, 'rest:https://me:canary-4711@good.example.com.evil/')).to.equal(`policy.repositoryURLs of ${file} allows only rest:https://good.example.com/, s3:https://s3.example.com/bucket: repository web1 is at rest:https://me:***@good.example.com.evil/`);
      expect(await used(allowed, 'rest:https://good.example.com/../x')).to.contain('which this agent cannot compare with that');
      expect(await used(allowed, dir)).to.contain('allows only');
    });

    it('of this host are where their links lead', async () => {
      await symlink(join(dir, 'outside'), join(dir, 'inside/out'));
      const allowed = [`local:${join(dir, 'inside')}`];
      for (const url of [join(dir, 'inside'), `local:${join(dir, 'inside/web1')}`]) expect(await used(allowed, url), url).to.equal('allowed');
      for (const url of [join(dir, 'outside'), join(dir, 'inside/out/web1'), `${dir}/inside/../outside`, `${dir}/inside2`, 'inside', 'local:inside']) expect(await used(allowed, url), url).to.contain('repository web1 is');
    });

    it('of a back end without a server in its address are not moved by variables of the plan', async () => {
      expect(await used(['azure:box:/'], 'azure:box:/web1', { AZURE_ACCOUNT_KEY: 'k' }, { AZURE_ACCOUNT_NAME: 'ours' })).to.equal('allowed');
      expect(await used(['azure:box:/'], 'azure:box:/web1', { AZURE_ACCOUNT_KEY: 'k', AZURE_ACCOUNT_NAME: 'theirs' })).to.contain('is given AZURE_ACCOUNT_NAME by the server, which with azure chooses the storage; set it under environment of this file');
      expect(await used(['azure:box:/'], 'azure:box:/web1', { AZURE_ACCOUNT_NAME: 'theirs' }, { AZURE_ACCOUNT_NAME: 'ours' }), 'the owner\'s is used').to.equal('allowed');
      expect(await used(['swift:box:/'], 'swift:box:/', { OS_AUTH_URL: 'https://evil', OS_PASSWORD: 'p' })).to.contain('is given OS_AUTH_URL by the server');
      expect(await used(['gs:box:/'], 'gs:box:/', { GOOGLE_PROJECT_ID: '1' })).to.equal('allowed');
      expect(await used(['gs:box:/'], 'gs:box:/', { GOOGLE_CLOUD_UNIVERSE_DOMAIN: 'evil' })).to.contain('GOOGLE_CLOUD_UNIVERSE_DOMAIN');
    });
  });

  it('refuses updates by its key', () => {
    expect(policy({}).updateRefusal).to.equal(undefined);
    expect(policy({ updates: false }).updateRefusal).to.equal(`policy.updates: false of ${file} does not allow the server to update this agent`);
  });
});
