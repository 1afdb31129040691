import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../../../test/builders/agentParts.js';
import { windowsHost } from '../../../test/builders/windowsHost.js';
import { ResticError } from '../../restic/exitCodes.js';
import { adminFile, readAdminFile } from './adminFile.js';

describe('admin credential on the runner', () => {
  const scratch = new Scratch();
  let path = '';
  beforeEach(async () => {
    path = adminFile(await scratch.dir('admin'), 'web1');
    await mkdir(dirname(path));
  });
  afterEach(async () => scratch.clean());

  const write = async (content: string): Promise<void> => { await writeFile(path, content, { mode: 0o600 }); };
  const refusal = async (): Promise<string> => readAdminFile(path).then(() => 'read', (error: unknown) => {
    expect(error).to.be.instanceOf(ResticError);
    expect((error as ResticError).reason).to.equal('AdminCredentialsRequired');
    return (error as ResticError).message;
  });

  it('is read as lines KEY=VALUE, values as they stand', async () => {
    await write('# the account that may delete\npassword= a="b" # c \r\nusername=boss\n\nAWS_ACCESS_KEY_ID=AKIA\nRESTIC_REST_PASSWORD=\n');
    expect(await readAdminFile(path)).to.deep.equal({ password: ' a="b" # c ', username: 'boss', env: { AWS_ACCESS_KEY_ID: 'AKIA', RESTIC_REST_PASSWORD: '' } });
  });

  it('is refused by name when it is missing, open to others, somebody else\'s or a link', async () => {
    expect(await refusal()).to.contain(`${path}: there is no such file, but runner.adminCredentials of the Repository is OnRunner`);
    await write('password=canary\n');
    await chmod(path, 0o640);
    expect(await refusal()).to.equal(`${path}: has mode 0640, but it holds a credential that may delete: run chmod 0600 on it`);
    await chmod(path, 0o600);
    if (process.getuid?.() === 0) {
      await chown(path, 65534, 0);
      expect(await refusal()).to.contain('belongs to uid 65534, but this agent runs as uid 0: run chown 0 on it');
      await chown(path, 0, 0);
    }
    await symlink(path, adminFile(dirname(dirname(path)), 'other'));
    const own = path;
    path = adminFile(dirname(dirname(path)), 'other');
    expect(await refusal()).to.contain('is a symbolic link');
    path = own;
  });

  it('is refused on Windows when others may read it, or may put another file in its place', async () => {
    await write('password=canary\n');
    const windows = windowsHost();
    const refusalThere = async (): Promise<string> => readAdminFile(path, windows).then(() => 'read', (error: unknown) => (error as ResticError).message);
    expect(await refusalThere()).to.equal('read');
    windows.lists = { [path]: 'O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)' };
    expect(await refusalThere()).to.equal(`${path}: is open to BU (Users), but it holds a credential that may delete: run icacls "${path}" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F`);
    windows.lists = { [dirname(path)]: 'O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;CIID;DCLCRPCR;;;BU)' };
    expect(await refusalThere()).to.contain(`${path}: may be replaced by BU (Users), but it holds a credential that may delete: run icacls "${dirname(path)}" `);
    windows.lists = { [path]: '?' };
    expect(await refusalThere()).to.contain('its access list cannot be read or is not understood').and.not.to.contain('canary');
  });

  it('is refused with the line that is wrong, and never quotes a value', async () => {
    for (const [content, problem] of [
      ['username=x\n', 'has no line password='],
      ['password=canary\nnonsense canary\n', 'line 2 is not KEY=VALUE'],
      ['password=canary\nssh-key=canary\n', 'line 2: ssh-key is not known'],
    ] as const) {
      await write(content);
      const said = await refusal();
      expect(said).to.contain(problem).and.not.to.contain('canary');
    }
  });
});
