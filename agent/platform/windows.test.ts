import { expect } from 'chai';
import { windowsHost, type WindowsHost } from '../../test/builders/windowsHost.js';
import { linux } from './linux.js';
import { windows } from './windows.js';

const SYSTEM32 = 'C:\\Windows\\System32';

describe('the agent on Windows', () => {
  let platform: WindowsHost;
  beforeEach(() => { platform = windowsHost({ SystemRoot: 'C:\\Windows', ProgramData: 'D:\\Data' }); });

  it('keeps its state and its owner\'s file below ProgramData', () => {
    expect(platform.stateDir).to.equal('D:\\Data\\restic-manager');
    expect(platform.configFile).to.equal('D:\\Data\\restic-manager\\agent.yaml');
    expect(windows({}).stateDir).to.equal('C:\\ProgramData\\restic-manager');
  });

  it('runs a hook by cmd.exe of the system, without AutoRun, with the line ends its labels need', () => {
    expect(platform.script('pre', '@echo off\ngoto end\r\n:end\n')).to.deep.equal({ file: 'pre.cmd', content: '@echo off\r\ngoto end\r\n:end\r\n', command: [`${SYSTEM32}\\cmd.exe`, '/d', '/c'] });
  });

  it('finds programs by the names Windows runs', () => {
    expect(platform.programNames('restic')).to.deep.equal(['restic.exe']);
    expect(platform.programNames('restic.EXE')).to.deep.equal(['restic.EXE']);
  });

  it('gives every child what Windows programs cannot start without, and nothing else of its own', () => {
    expect(platform.childEnvironment({ TEMP: 'C:\\Temp', RESTIC_PASSWORD: 'x', AWS_SECRET_ACCESS_KEY: 'x' })).to.deep.equal({ SystemRoot: 'C:\\Windows', TEMP: 'C:\\Temp' });
  });

  it('kills a process with all it started, at once whatever the signal', () => {
    expect(platform.interrupts).to.equal(false);
    platform.kill(42, 'SIGINT');
    expect(platform.ran).to.deep.equal([['taskkill.exe', '/PID', '42', '/T', '/F']]);
  });

  it('takes a number for a live agent only while a program of its own name has it', () => {
    platform.answer.stdout = '"restic-manager-agent.exe","42","Services","0","61,204 K"\r\n';
    expect(platform.isLive(42, undefined)).to.equal(true);
    platform.answer.stdout = '"notepad.exe","42","Console","1","9,204 K"\r\n';
    expect(platform.isLive(42, undefined)).to.equal(false);
    platform.answer.stdout = 'INFO: No tasks are running which match the specified criteria.\r\n';
    expect(platform.isLive(42, undefined)).to.equal(false);
  });

  it('knows whether a number is in use by anything, also by what it may not ask', () => {
    const { kill } = process;
    const says = (code?: string): boolean => {
      process.kill = (pid, signal) => {
        expect([pid, signal]).to.deep.equal([42, 0]);
        if (code !== undefined) throw Object.assign(new Error(code), { code });
        return true;
      };
      try {
        return platform.isRunning(42);
      } finally {
        process.kill = kill;
      }
    };
    expect([says(), says('EPERM'), says('ESRCH')]).to.deep.equal([true, true, false]);
  });

  it('closes a directory to all but SYSTEM and the administrators, by identifiers that no language translates', async () => {
    await platform.closeToOthers('D:\\Data\\restic-manager');
    expect(platform.ran).to.deep.equal([['icacls.exe', 'D:\\Data\\restic-manager', '/inheritance:r', '/grant:r', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F', '/L']]);
    platform.answer.code = 5;
    await platform.closeToOthers('D:\\x').then(() => expect.fail('was taken as closed'), (error: unknown) => { expect(String(error)).to.equal('Error: D:\\x could not be closed to other users: icacls exited with 5'); });
  });

  it('ends when a service host, a closed console or a person asks it to, each system by its own signals', () => {
    expect(platform.stopSignals).to.deep.equal(['SIGINT', 'SIGBREAK', 'SIGHUP']);
    expect(linux.stopSignals).to.deep.equal(['SIGTERM', 'SIGINT']);
  });

  const file = { mode: 0o100666, uid: 0 };
  const directory = { mode: 0o040666, uid: 0 };
  const grants = '/inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F';

  it('asks for access lists by the environment, where a path is no code', async () => {
    const asked: [readonly string[], Record<string, string> | undefined][] = [];
    const recorded = windows({ SystemRoot: 'C:\\Windows' }, (program, args, env) => {
      asked.push([[program, ...args], env]);
      return { code: 0, stdout: '' };
    });
    await recorded.changeProblem("D:\\it's $(here)", file);
    expect(asked).to.have.length(1);
    expect(asked[0]?.[1]).to.deep.equal({ ACL_PATHS: "D:\\it's $(here)" });
    expect(asked[0]?.[0].slice(0, 4)).to.deep.equal([`${SYSTEM32}\\WindowsPowerShell\\v1.0\\powershell.exe`, '-NoProfile', '-NonInteractive', '-Command']);
    expect(asked[0]?.[0].join(' ')).not.to.contain('here');
  });

  it('names who else may read a secret, and the commands that end it', async () => {
    const problem = async (path: string, kind: 'file' | 'directory' = 'file'): Promise<unknown> => platform.privacyProblem([{ path, kind }]);
    platform.lists = {
      'D:\\inherits': 'O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)',
      'D:\\grants': 'O:BAG:SYD:AI(A;;FR;;;WD)(A;ID;FA;;;SY)',
      'D:\\theirs': 'O:S-1-5-21-9-9-9-1002G:SYD:PAI(A;;FA;;;SY)',
    };
    expect(await problem('D:\\closed')).to.equal(undefined);
    expect(await problem('D:\\inherits')).to.deep.equal({ path: 'D:\\inherits', why: `is open to BU (Users), but it holds secrets: run icacls "D:\\inherits" ${grants}` });
    expect(await problem('D:\\inherits', 'directory')).to.have.property('why').that.contains('/grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F');
    expect(await problem('D:\\grants')).to.have.property('why', `is open to WD (Everyone), but it holds secrets: run icacls "D:\\grants" /reset, then icacls "D:\\grants" ${grants}`);
    expect(await problem('D:\\theirs')).to.have.property('why', 'is open to S-1-5-21-9-9-9-1002, but it holds secrets: run icacls "D:\\theirs" /setowner *S-1-5-32-544');
  });

  it('asks of a secret that is open whether its name could be given to another file meanwhile', async () => {
    const kept = { path: 'D:\\d\\secret', kind: 'file' as const, holds: 'it holds a key' };
    platform.lists = { 'D:\\d': 'O:SYG:SYD:PAI(A;;FA;;;SY)(A;;DC;;;BU)' };
    expect(await platform.privacyProblem([kept])).to.equal(undefined);
    expect(await platform.privacyProblem([{ ...kept, found: file }])).to.deep.equal({ path: 'D:\\d\\secret', why: `may be replaced by BU (Users), but it holds a key: run icacls "D:\\d" /reset, then icacls "D:\\d" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F` });
  });

  it('names who else may change a file, not who may read it', async () => {
    platform.lists = { 'D:\\read': 'O:BAG:SYD:AI(A;ID;0x1200a9;;;BU)', 'D:\\write': 'O:BAG:SYD:AI(A;ID;0x1301bf;;;AU)' };
    expect(await platform.changeProblem('D:\\read', file)).to.equal(undefined);
    expect(await platform.changeProblem('D:\\write', file)).to.equal(`D:\\write may be changed by AU (Authenticated Users): run icacls "D:\\write" ${grants}`);
    expect(await platform.changeProblem('D:\\write', directory)).to.contain('*S-1-5-18:(OI)(CI)F');
  });

  it('tells a directory that a restore passes from one in which it makes names', async () => {
    platform.lists = { 'C:\\': 'O:SYG:SYD:PAI(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)' };
    const step = (path: string, filled: boolean): { path: string; found: typeof directory; filled: boolean } => ({ path, found: directory, filled });
    expect(await platform.wayProblem([step('C:\\', false), step('C:\\data', true)])).to.equal(undefined);
    expect(await platform.wayProblem([step('C:\\', true), step('C:\\data', true)])).to.deep.equal({ path: 'C:\\', why: 'may be changed by AU (Authenticated Users)' });
  });

  it('asks of many at once, and finds the one that is open among them', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => ({ path: `C:\\${'x'.repeat(40)}\\${index}`, found: directory, filled: true }));
    const open = many[901]?.path ?? '';
    platform.lists = { [open]: 'O:SYG:SYD:PAI(A;;FA;;;WD)' };
    expect(await platform.wayProblem(many)).to.have.property('path', open);
    expect(platform.asked.flat()).to.deep.equal(many.slice(0, platform.asked.flat().length).map(({ path }) => path));
    expect(Math.max(...platform.asked.map((paths) => paths.join('\n').length)), 'of 32,767 characters').to.be.lessThan(17_000);
    expect(platform.asked.length).to.be.within(2, 4);
  });

  const untold: [string, { code: number | null; stdout: string }][] = [
    ['PowerShell fails', { code: 1, stdout: 'O:SYG:SYD:PAI(A;;FA;;;SY)\r\nS-1-5-18\r\n' }],
    ['it cannot be started', { code: null, stdout: '' }],
    ['it says nothing (wine)', { code: 0, stdout: '' }],
    ['one path has no list', { code: 0, stdout: '?\r\nS-1-5-18\r\n' }],
    ['a list is missing', { code: 0, stdout: 'S-1-5-18\r\n' }],
    ['more is told than was asked', { code: 0, stdout: 'O:SYG:SYD:PAI(A;;FA;;;SY)\r\nO:SYG:SYD:PAI(A;;FA;;;SY)\r\nS-1-5-18\r\n' }],
    ['it does not say who the agent is', { code: 0, stdout: 'O:SYG:SYD:PAI(A;;FA;;;SY)\r\nO:SYG:SYD:PAI(A;;FA;;;SY)\r\n' }],
    ['a list is not understood', { code: 0, stdout: 'O:SYG:SYD:PAI(A;;FAX;;;SY)\r\nS-1-5-18\r\n' }],
  ];
  for (const [what, answer] of untold) {
    it(`refuses every file when ${what}`, async () => {
      const dumb = windows({}, () => answer);
      const anybody = 'anybody (its access list cannot be read or is not understood)';
      const commands = `icacls "D:\\s" /setowner *S-1-5-32-544, then icacls "D:\\s" /reset, then icacls "D:\\s" ${grants}`;
      expect(await dumb.changeProblem('D:\\s', file)).to.equal(`D:\\s may be changed by ${anybody}: run ${commands}`);
      expect(await dumb.privacyProblem([{ path: 'D:\\s', kind: 'file' }])).to.deep.equal({ path: 'D:\\s', why: `is open to ${anybody}, but it holds secrets: run ${commands}` });
      expect(await dumb.wayProblem([{ path: 'D:\\s', found: directory, filled: false }])).to.deep.equal({ path: 'D:\\s', why: `may be changed by ${anybody}` });
    });
  }

  it('reads the machine\'s own id from the registry', () => {
    platform.answer.stdout = '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    11111111-2222-3333-4444-555555555555\r\n';
    expect(platform.machineId()).to.equal('11111111-2222-3333-4444-555555555555');
    platform.answer.stdout = '';
    expect(platform.machineId()).to.equal(undefined);
  });
});
