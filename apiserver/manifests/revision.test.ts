/** The commit of a checkout, read without git: as a clone, a worktree and a packed clone hold it, and unknown where there is none. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { checkedOutCommit } from './revision.js';

const run = promisify(execFile);

describe('the commit a manifest directory is checked out at', () => {
  let dir: string;
  let repository: string;
  const git = async (...args: string[]): Promise<string> => (await run('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', '-C', repository, ...args])).stdout.trim();
  const commit = async (): Promise<string> => { await git('commit', '-q', '--allow-empty', '-m', 'x'); return git('rev-parse', 'HEAD'); };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rm-revision-'));
    repository = join(dir, 'clone');
    await mkdir(join(repository, 'clusters/one'), { recursive: true });
    await git('init', '-q', '-b', 'a/branch');
  });
  after(() => rm(dir, { recursive: true }));

  it('is unknown without a commit, and outside a checkout', async () => {
    expect(await checkedOutCommit(repository)).to.equal(undefined);
    expect(await checkedOutCommit(dir)).to.equal(undefined);
    expect(await checkedOutCommit(join(dir, 'not-there'))).to.equal(undefined);
  });

  it('follows a branch, a packed branch and a detached head, from any folder below', async () => {
    const first = await commit();
    expect(await checkedOutCommit(join(repository, 'clusters/one'))).to.equal(first);
    await git('pack-refs', '--all');
    expect(await checkedOutCommit(repository)).to.equal(first);
    const second = await commit();
    expect(await checkedOutCommit(repository)).to.equal(second);
    await git('checkout', '-q', '--detach', first);
    expect(await checkedOutCommit(repository)).to.equal(first);
  });

  it('follows the link that git-sync swaps between worktrees', async () => {
    const head = await git('rev-parse', 'a/branch');
    await git('worktree', 'add', '-q', join(dir, 'tree'), 'a/branch');
    await symlink('tree', join(dir, 'current'));
    expect(await checkedOutCommit(join(dir, 'current'))).to.equal(head);
  });

  it('reads nothing but what git writes', async () => {
    const odd = join(dir, 'odd');
    await mkdir(join(odd, '.git'), { recursive: true });
    for (const head of ['', 'ref: refs/../../secret', 'ref: ../secret', 'not a hash', 'a'.repeat(9000)]) {
      await writeFile(join(odd, '.git/HEAD'), head);
      expect(await checkedOutCommit(odd), head.slice(0, 30)).to.equal(undefined);
    }
  });
});
