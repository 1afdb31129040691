import { expect } from 'chai';
import { othersIn, readAccessList, type Others, type Use } from './accessList.js';

const OWN = 'S-1-5-21-1-2-3-1001';
const INSTALLER = 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464';
/** As a fresh Windows 10 has them. */
const DRIVE = `O:${INSTALLER}G:${INSTALLER}D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)`;
const PROGRAM_DATA = 'O:SYG:SYD:PAI(A;OICIIO;GA;;;CO)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)';
const USERS = 'O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;;0x1200a9;;;WD)(A;OICIIO;GXGR;;;WD)';
const HOME = 'O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-5-21-9-9-9-1002)';
const WINDOWS = `O:${INSTALLER}G:${INSTALLER}D:PAI(A;OICIIO;GA;;;CO)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;BA)(A;;0x1301bf;;;BA)(A;OICIIO;GXGR;;;BU)(A;;0x1200a9;;;BU)(A;CIIO;GA;;;${INSTALLER})(A;;FA;;;${INSTALLER})(A;;0x1200a9;;;AC)`;

/** Undefined when the list is not understood. */
function others(sddl: string, use: Use): Others | undefined {
  const list = readAccessList(sddl);
  return list && othersIn(list, OWN, use);
}
const who = (sddl: string, use: Use): string[] | undefined => others(sddl, use)?.who;
/** A list closed but for one entry more. */
const withEntry = (entry: string): string => `O:SYG:SYD:PAI(A;OICI;FA;;;SY)${entry}`;

describe('access lists of Windows', () => {
  describe('rights', () => {
    for (const rights of ['FA', 'FW', 'GA', 'GW', 'SD', 'WD', 'WO', 'DC', 'LC', 'DT', 'RP', 'CR', 'KA', 'KW', 'KR', 'KX', 'FRSD', 'CCDCLCSWRPWPDTLOCRSDRCWDWO', '0x1f01ff', '0x1301bf', '0x2', '0x4', '0x10', '0x40', '0x100', '0x10000', '0x40000', '0x80000', '0x10000000', '0x40000000', '0xE0010000']) {
      it(`${rights} may change a file`, () => { expect(who(withEntry(`(A;;${rights};;;BU)`), 'change')).to.deep.equal(['BU (Users)']); });
    }
    for (const rights of ['FR', 'FX', 'GR', 'GX', 'RC', 'CC', 'SW', 'WP', 'LO', 'FRFX', 'CCSWWPLORC', '0x1200a9', '0x120089', '0x80000000', '0xa0000000', '0x0', '']) {
      it(`${rights === '' ? 'none' : rights} may only read it, or nothing at all`, () => { expect(who(withEntry(`(A;;${rights};;;BU)`), 'change')).to.deep.equal([]); });
    }
    for (const rights of ['DT', 'SD', 'WD', 'WO', 'GA', 'FA', '0x1301bf', '0x40', '0x10000']) {
      it(`${rights} moves a name that is passed`, () => { expect(who(withEntry(`(A;;${rights};;;BU)`), 'pass')).to.deep.equal(['BU (Users)']); });
    }
    for (const rights of ['DC', 'LC', 'RP', 'CR', 'GW', 'FW', 'DCLCRPCR', '0x1200a9']) {
      it(`${rights} moves none that is there, but may be there first where names are made`, () => {
        expect(who(withEntry(`(A;;${rights};;;BU)`), 'pass')).to.deep.equal([]);
        expect(who(withEntry(`(A;;${rights};;;BU)`), 'fill')).to.deep.equal(rights === '0x1200a9' ? [] : ['BU (Users)']);
      });
    }
  });

  describe('who may change something', () => {
    const rows: [string, string, string[] | undefined][] = [
      ['nobody but SYSTEM, the administrators, the installer and the agent itself', `O:${INSTALLER}G:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;${INSTALLER})(A;;FA;;;${OWN})(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)`, []],
      ['the built-in administrator is one', 'O:LAG:SYD:PAI(A;;FA;;;LA)', []],
      ['the owner by what he is granted as one, asked himself', 'O:SYG:SYD:PAI(A;;FA;;;OW)(A;;FA;;;S-1-3-4)', []],
      ['the owner, whatever the entries say', 'O:S-1-5-21-9-9-9-500G:SYD:PAI(A;;FA;;;SY)', ['S-1-5-21-9-9-9-500']],
      ['another service than the installer', withEntry('(A;;FA;;;S-1-5-80-1-2-3-4-5)'), ['S-1-5-80-1-2-3-4-5']],
      ['not those for whom an entry is only handed on', withEntry('(A;OICIIO;GA;;;BU)(A;CIIOID;FA;;;AU)'), []],
      ['those of an entry that is handed on too, though its letters spell the flag', withEntry('(A;CIOI;FA;;;BU)'), ['BU (Users)']],
      ['not whoever will make something in it', withEntry('(A;OICIIO;GA;;;CO)'), []],
      ['a maker without a making is not understood as nobody', withEntry('(A;;GA;;;CO)'), ['CO (Creator Owner)']],
      ['not those whom it is denied', withEntry('(D;;FA;;;WD)'), []],
      ['those to whom it is granted, though it is denied to others', withEntry('(D;;FA;;;AN)(A;;FA;;;WD)'), ['WD (Everyone)']],
      ['each once', withEntry('(A;;FW;;;BU)(A;;SD;;;BU)(A;;0x2;;;IU)'), ['BU (Users)', 'IU (Interactive)']],
      ['nobody by an audit list', withEntry('S:AI(AU;SAFA;FA;;;WD)'), []],
      ['nobody where the list is empty', 'O:SYG:SYD:', []],
      ['everybody where there is no list', 'O:SYG:SYD:NO_ACCESS_CONTROL', ['everybody']],
    ];
    for (const [sentence, sddl, found] of rows) it(`${sentence}`, () => { expect(who(sddl, 'change')).to.deep.equal(found); });

    it('the account the agent runs as, by its short name', () => {
      const list = readAccessList('O:LSG:SYD:PAI(A;;FA;;;LS)(A;;FA;;;NS)');
      expect(list && othersIn(list, 'S-1-5-19', 'change').who).to.deep.equal(['NS']);
      expect(list && othersIn(list, 'S-1-5-20', 'change').who).to.deep.equal(['LS']);
    });

    it('tells apart what the owner, the object itself and its directory grant', () => {
      expect(others('O:BUG:SYD:(A;ID;FR;;;BU)', 'change')).to.deep.include({ owner: true, granted: false, explicit: false });
      expect(others(withEntry('(A;ID;FA;;;BU)'), 'change')).to.deep.include({ owner: false, granted: true, explicit: false });
      expect(others(withEntry('(A;OICI;FA;;;BU)'), 'change')).to.deep.include({ owner: false, granted: true, explicit: true });
    });
  });

  describe('who may lead a restore elsewhere', () => {
    const rows: [string, string, string[], string[]][] = [
      ['a drive may be passed, but nothing is made in it: who is logged in may be there first', DRIVE, [], ['AU (Authenticated Users)']],
      ['nor in ProgramData', PROGRAM_DATA, [], ['BU (Users)']],
      ['the directory of all users is the administrators\'', USERS, [], []],
      ['the directory of one is his', HOME, ['S-1-5-21-9-9-9-1002'], ['S-1-5-21-9-9-9-1002']],
      ['the system\'s own directory is the installer\'s', WINDOWS, [], []],
      ['what is made inherits what others may do with it', withEntry('(A;OICIIO;SDGXGWGR;;;AU)'), [], ['AU (Authenticated Users)']],
      ['files may be theirs: they lead nowhere', withEntry('(A;OIIO;GA;;;AU)'), [], []],
      ['whoever makes something has it, and that is the agent', withEntry('(A;OICIIO;GA;;;CO)'), [], []],
    ];
    for (const [sentence, sddl, passed, filled] of rows) {
      it(sentence, () => {
        expect(who(sddl, 'pass'), 'passed').to.deep.equal(passed);
        expect(who(sddl, 'fill'), 'filled').to.deep.equal(filled);
      });
    }
  });

  describe('who may read a secret', () => {
    const rows: [string, string, string[] | undefined][] = [
      ['the user it runs as', `O:${OWN}G:SYD:PAI(A;;FA;;;SY)(A;;FA;;;${OWN})`, []],
      ['another owner', 'O:S-1-5-21-9-9-9-500G:SYD:PAI(A;;FA;;;SY)', ['S-1-5-21-9-9-9-500']],
      ['whoever may only read', withEntry('(A;;0x1200a9;;;BU)'), ['BU (Users)']],
      ['whoever may read what will be made in it', withEntry('(A;OICIIO;GR;;;BU)'), ['BU (Users)']],
      ['not whoever makes something in it', withEntry('(A;OICIIO;GA;;;CO)'), []],
      ['the installer too', withEntry(`(A;;FR;;;${INSTALLER})`), [INSTALLER]],
      ['a right denied to others', 'O:SYD:PAI(D;;FA;;;WD)(A;;FA;;;SY)', []],
      ['no list at all', 'O:SYG:SYD:NO_ACCESS_CONTROL', ['everybody']],
    ];
    for (const [sentence, sddl, found] of rows) it(sentence, () => { expect(who(sddl, 'read')).to.deep.equal(found); });
  });

  describe('what is not understood is not read at all', () => {
    const rows: [string, string][] = [
      ['no descriptor', ''],
      ['a failure of Get-Acl', '?'],
      ['a descriptor without an access list', 'O:SYG:SY'],
      ['a condition', withEntry('(XA;;FA;;;WD;(@User.x == 1))')],
      ['a part that entries do not have', withEntry('(A;;FR;;;WD;x)')],
      ['an entry for objects', withEntry('(OA;;CR;00299570-246d-11d0-a768-00aa006e0529;;WD)')],
      ['an entry for one kind of object', withEntry('(A;;FR;00299570-246d-11d0-a768-00aa006e0529;;WD)')],
      ['an entry handed on to one kind of object', withEntry('(A;;FR;;00299570-246d-11d0-a768-00aa006e0529;WD)')],
      ['a kind of entry', withEntry('(ZZ;;FR;;;WD)')],
      ['a flag', withEntry('(A;ZZ;FR;;;WD)')],
      ['half a flag', withEntry('(A;O;FR;;;WD)')],
      ['a right', withEntry('(A;;FRZZ;;;WD)')],
      ['half a right', withEntry('(A;;FRF;;;WD)')],
      ['a right in decimal', withEntry('(A;;2032127;;;WD)')],
      ['bits that files do not have', withEntry('(A;;0x2000000;;;WD)')],
      ['somebody', withEntry('(A;;FR;;;Everyone)')],
      ['nobody', withEntry('(A;;FR;;;)')],
      ['something behind the list', withEntry('(A;;FR;;;SY)x')],
      ['an owner', 'O:everybodyG:SYD:PAI(A;;FA;;;SY)'],
    ];
    for (const [what, sddl] of rows) it(what, () => { expect(readAccessList(sddl)).to.equal(undefined); });
  });
});
