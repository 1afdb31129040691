import { mkdir, readdir, rmdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../../test/builders/agentParts.js';
import { windowsHost, type WindowsHost } from '../../test/builders/windowsHost.js';
import { ResticError } from './exitCodes.js';
import { makeTarget, requireSafeAncestors, restoreTarget } from './restoreTarget.js';

/** As `C:\\` is: who is logged in may add directories, which are then his and open to all who are. */
const mayAdd = 'O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)';
const mayChange = 'O:SYG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1301bf;;;AU)';
const others = 'may be changed by AU (Authenticated Users)';

describe('restore targets on Windows', () => {
  const scratch = new Scratch();
  let windows: WindowsHost;
  let drive = '';
  beforeEach(async () => {
    windows = windowsHost();
    drive = await scratch.dir('drive');
    await mkdir(join(drive, 'data/deep'), { recursive: true });
    await writeFile(join(drive, 'data/file'), '');
  });
  afterEach(async () => scratch.clean());

  const refusal = async (work: Promise<void>): Promise<string> => work.then(() => '', (error: unknown) => {
    expect(error).to.be.instanceOf(ResticError).and.to.have.property('reason', 'TargetRefused');
    return (error as ResticError).message;
  });
  const inPlace = async (...names: string[]): Promise<string> => refusal(requireSafeAncestors(names.map((name) => join(drive, name)), windows));

  it('in place is refused, whatever the access: restic would put the files elsewhere', () => {
    expect(() => restoreTarget({ snapshot: 'x', overwrite: 'Never', inPlace: true }, 'job', '/root', windows)).to.throw(ResticError, 'restoring in place is not possible on this host: its paths have drives, and restic would put C:\\x at \\C\\x; restore into a directory of its own');
    expect(restoreTarget({ snapshot: 'x', overwrite: 'Never' }, 'job', '/root', windows)).to.equal('/root/rm-restore/job');
  });

  it('in place is refused below a directory that others may change, whichever it is (E31)', async () => {
    expect(await inPlace('data/deep')).to.equal('');
    for (const name of ['', 'data', 'data/deep']) {
      const path = join(drive, name);
      windows.lists = { [path]: mayChange };
      expect(await inPlace('data/deep')).to.equal(`restoring in place is refused: ${path} ${others}, and could lead the restore elsewhere; restore into a directory of its own (restore.targetDirectory) and copy from it`);
    }
    windows.lists = { [join(drive, 'data/deep')]: mayChange };
    expect(await inPlace('data'), 'beside it').to.equal('');
    windows.lists = { '/': '?' };
    expect(await inPlace('data/deep')).to.contain('refused: / may be changed by anybody (its access list cannot be read or is not understood)');
  });

  it('in place passes a drive where others may add directories, and makes none there', async () => {
    windows.lists = { [drive]: mayAdd };
    expect(await inPlace('data', 'data/deep', 'data/new/er')).to.equal('');
    expect(await inPlace('new')).to.contain(`${drive} ${others}`);
    expect(await inPlace('data', 'new/er', 'data/deep'), 'among others').to.contain(`${drive} ${others}`);
    expect(await inPlace(''), 'files').to.contain(`${drive} ${others}`);
    windows.lists = { [join(drive, 'data')]: mayAdd };
    expect(await inPlace('data/deep')).to.equal('');
    expect(await inPlace('data/deep', 'data')).to.contain(`${join(drive, 'data')} ${others}`);
    expect(await inPlace('data/file/was a directory')).to.contain(`${join(drive, 'data')} ${others}`);
  });

  it('in place asks once of each directory, all in one question, and never through a link', async () => {
    await inPlace('data/deep', 'data', 'data/new', 'data/other');
    expect(windows.asked).to.have.length(1);
    expect(windows.asked[0]).to.deep.equal([...new Set(windows.asked[0])]).and.to.include.members(['/', dirname(drive), drive, join(drive, 'data'), join(drive, 'data/deep')]);
    await symlink(join(drive, 'data'), join(drive, 'link'));
    expect(await inPlace('link/deep')).to.contain(`${join(drive, 'link')} is a symbolic link`);
  });

  it('a directory of its own is closed with those above it that were missing', async () => {
    const names = ['rm-restore', 'rm-restore/a', 'rm-restore/a/job'];
    await makeTarget(join(drive, 'rm-restore/a/job'), windows);
    expect(windows.ran.map(([program, path]) => [program, path])).to.deep.equal(names.map((name) => ['icacls.exe', join(drive, name)]));
    expect(windows.asked, 'and asked whether that held').to.deep.equal([names.map((name) => join(drive, name))]);
    windows.ran.length = 0;
    await makeTarget(join(drive, 'rm-restore/next'), windows);
    expect(windows.ran.map(([, path]) => path)).to.deep.equal([join(drive, 'rm-restore/next')]);
    windows.answer.code = 5;
    expect(await makeTarget(join(drive, 'rm-restore/third'), windows).then(() => '', String)).to.contain('could not be closed to other users');
  });

  it('a directory that is there, or that others were faster to fill or to replace, is refused', async () => {
    const target = join(drive, 'target');
    windows.lists = { [target]: mayAdd };
    expect(await refusal(makeTarget(target, windows)), 'it was not closed').to.equal(`${target} ${others}; choose a directory that is not there yet`);
    expect(await refusal(makeTarget(target, windows)), 'it is there').to.equal(`${target} ${others}; choose a directory that is not there yet`);
    const raced = join(drive, 'raced');
    const fast: WindowsHost = { ...windows, closeToOthers: async (path) => { await symlink('/', join(path, 'junction')); } };
    expect(await refusal(makeTarget(raced, fast)), 'filled').to.equal(`${raced} was filled by others as soon as it was made; choose a directory that is not there yet`);
    expect(await readdir(raced)).to.deep.equal(['junction']);
    const swapped = join(drive, 'swapped');
    const faster: WindowsHost = { ...windows, closeToOthers: async (path) => { await rmdir(path); await symlink(join(drive, 'data/deep'), path); } };
    expect(await refusal(makeTarget(swapped, faster)), 'replaced').to.equal(`${swapped} is a symbolic link; choose a directory that is not there yet`);
  });
});
