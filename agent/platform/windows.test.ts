import { win32 } from 'node:path';
import { expect } from 'chai';
import { strangersIn, windows, type RunProgram } from './windows.js';

const SYSTEM32 = 'C:\\Windows\\System32';
const OWN = 'S-1-5-21-1-2-3-1001';

describe('the agent on Windows', () => {
  let ran: string[][] = [];
  let answer = { code: 0 as number | null, stdout: '' };
  const run: RunProgram = (program, args, env) => {
    ran.push([win32.relative(SYSTEM32, program), ...args, ...Object.entries(env ?? {}).map((entry) => entry.join('='))]);
    return answer;
  };
  const platform = windows({ SystemRoot: 'C:\\Windows', ProgramData: 'D:\\Data' }, run, 'C:\\Program Files\\restic-manager\\restic-manager-agent.exe');
  beforeEach(() => {
    ran = [];
    answer = { code: 0, stdout: '' };
  });

  it('keeps its state and its owner\'s file below ProgramData', () => {
    expect(platform.stateDir).to.equal('D:\\Data\\restic-manager');
    expect(platform.configFile).to.equal('D:\\Data\\restic-manager\\agent.yaml');
    expect(windows({}, run).stateDir).to.equal('C:\\ProgramData\\restic-manager');
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
    expect(ran).to.deep.equal([['taskkill.exe', '/PID', '42', '/T', '/F']]);
  });

  it('takes a number for a live agent only while a program of its own name has it', () => {
    answer.stdout = '"restic-manager-agent.exe","42","Services","0","61,204 K"\r\n';
    expect(platform.isLive(42, undefined)).to.equal(true);
    answer.stdout = '"notepad.exe","42","Console","1","9,204 K"\r\n';
    expect(platform.isLive(42, undefined)).to.equal(false);
    answer.stdout = 'INFO: No tasks are running which match the specified criteria.\r\n';
    expect(platform.isLive(42, undefined)).to.equal(false);
  });

  it('closes a directory to all but SYSTEM and the administrators, by identifiers that no language translates', async () => {
    await platform.closeToOthers('D:\\Data\\restic-manager');
    expect(ran).to.deep.equal([['icacls.exe', 'D:\\Data\\restic-manager', '/inheritance:r', '/grant:r', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F']]);
    answer.code = 5;
    await platform.closeToOthers('D:\\x').then(() => expect.fail('was taken as closed'), (error: unknown) => { expect(String(error)).to.equal('Error: D:\\x could not be closed to other users: icacls exited with 5'); });
  });

  it('names who else may read a secret, and the command that ends it; what it cannot tell it refuses', async () => {
    answer.stdout = `O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)\r\n${OWN}\r\n`;
    expect(await platform.privacyProblem("D:\\it's $(here)", 'directory')).to.equal(undefined);
    expect(ran[0]?.at(-1)).to.equal("ACL_PATH=D:\\it's $(here)");
    expect(ran[0]?.slice(0, -1).join(' ')).not.to.contain('here');
    answer.stdout = `O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)\r\n${OWN}\r\n`;
    expect(await platform.privacyProblem('D:\\s', 'file')).to.equal('D:\\s is open to BU, but it holds secrets: run icacls "D:\\s" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F');
    answer = { code: 1, stdout: '' };
    expect(await platform.privacyProblem('D:\\s', 'file')).to.match(/^who may read D:\\s cannot be told: Get-Acl failed;/);
  });

  const lists: [string, string, string[] | undefined][] = [
    ['the user it runs as', `O:${OWN}G:SYD:PAI(A;;FA;;;SY)(A;;FA;;;${OWN})`, []],
    ['another owner', 'O:S-1-5-21-9-9-9-500G:SYD:PAI(A;;FA;;;SY)', ['S-1-5-21-9-9-9-500']],
    ['a right denied to others', 'O:SYD:PAI(D;;FA;;;WD)(A;;FA;;;SY)', []],
    ['an audit list', 'O:SYG:SYD:PAI(A;;FA;;;SY)S:AI(AU;SAFA;FA;;;WD)', []],
    ['no list at all', 'O:SYG:SYD:NO_ACCESS_CONTROL', ['everybody']],
    ['an entry with a condition, which is not understood', 'O:SYG:SYD:(XA;;FA;;;WD;(@User.x == 1))', undefined],
    ['no descriptor', '', undefined],
  ];
  for (const [what, sddl, others] of lists) it(`reads ${what}`, () => { expect(strangersIn(sddl, OWN)).to.deep.equal(others); });

  it('reads the machine\'s own id from the registry', () => {
    answer.stdout = '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    11111111-2222-3333-4444-555555555555\r\n';
    expect(platform.machineId()).to.equal('11111111-2222-3333-4444-555555555555');
    answer.stdout = '';
    expect(platform.machineId()).to.equal(undefined);
  });
});
