import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../test/builders/agentParts.js';
import { windowsHost } from '../test/builders/windowsHost.js';
import { NotPrivate, privateState } from './files.js';

describe('state of an agent on Windows', () => {
  const scratch = new Scratch();
  afterEach(async () => scratch.clean());

  it('is refused for each file in it that others may read, though its directory is closed: they reach it by its name', async () => {
    const dir = await scratch.dir('state');
    await mkdir(join(dir, 'spool'));
    await mkdir(join(dir, 'cache/0123/data'), { recursive: true });
    for (const name of ['credentials.json', 'spool/id', 'cache/0123/data/pack']) await writeFile(join(dir, name), '');
    await symlink(join(dir, 'nowhere'), join(dir, 'dangling'));
    const windows = windowsHost();
    await privateState(dir, windows);
    const own = ['cache', 'cache/0123', 'credentials.json', 'spool', 'spool/id'].map((name) => join(dir, name));
    expect(windows.asked.map((paths) => paths.sort()), 'in one question, and not of what restic keeps').to.deep.equal([own]);
    for (const path of own) {
      windows.lists = { [path]: 'O:BAG:SYD:AI(A;;FR;;;AU)(A;ID;FA;;;SY)' };
      const error = await privateState(dir, windows).then(() => undefined, (refusal: unknown) => refusal);
      expect(error).to.be.instanceOf(NotPrivate).and.to.have.property('message').that.contains(`${path} is open to AU (Authenticated Users), but it holds secrets: run icacls "${path}" /reset, then icacls "${path}" /inheritance:r`);
    }
  });
});
