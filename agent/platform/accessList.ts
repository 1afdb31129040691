/**
 * Access lists of Windows in their text form (SDDL): who besides the administrators may read a secret, who may change what the
 * agent relies on. Nothing is guessed: a list with one part that is not understood is not understood as a whole, and its
 * readers refuse. Entries that deny are no grant, and what they take away is not taken off: that errs on the safe side.
 * @see https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-definition-language
 */

interface Entry {
  who: string;
  rights: number;
  /** It says nothing of the object itself, only of what will be made in it. */
  inheritOnly: boolean;
  /** Directories made in it get it too. */
  toDirectories: boolean;
  /** The object has it from the directory it is in. */
  inherited: boolean;
}

export interface AccessList { owner: string; granted: Entry[] }

/** Those who have what they should not have: one as its owner, others by entries, `explicit` ones of the object itself. */
export interface Others { who: string[]; owner: boolean; granted: boolean; explicit: boolean }

/**
 * What is asked of an object. `read`: a secret, with all that will be made in it. `change`: the object itself. `pass`: a directory
 * in which the next name of a path is there already, and is asked itself. `fill`: a directory in which directories are made.
 */
export type Use = 'read' | 'change' | 'pass' | 'fill';

const DELETE = 0x1_0000;
const WRITE_DAC = 0x4_0000;
const WRITE_OWNER = 0x8_0000;
const DELETE_CHILD = 0x40;
const GENERIC_ALL = 0x1000_0000;
const GENERIC_WRITE = 0x4000_0000;
/** Writing or adding a file, appending or adding a directory, extended attributes, attributes. */
const WRITE = 0x2 | 0x4 | 0x10 | 0x100;

/**
 * Which rights let somebody lead the agent elsewhere. Whoever may delete or rename a name, or give himself the right to, may put
 * another thing in its place: always counted. The rights of WRITE are counted where something new gets a name or the content
 * matters: an added directory is its maker's, who may make a junction of it; an empty directory becomes a junction by the right
 * to its attributes alone (MS-FSA 2.1.5.10.37). On a directory that is only passed they move nothing: it is not empty, and the
 * next name is there and cannot be taken from it. So `C:\`, where everybody who is logged in may add directories, and ProgramData,
 * where he may add files too, may lie on the way to a directory that is there and closed; below them nothing is made.
 */
const PASS = DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
const CHANGE = PASS | WRITE | GENERIC_WRITE;
const counted: Record<Use, number> = { read: ~0, change: CHANGE, pass: PASS, fill: CHANGE };

/** SYSTEM and the administrators; the built-in one (LA) cannot be taken out of their group. */
const administrators = ['SY', 'S-1-5-18', 'BA', 'S-1-5-32-544', 'LA'];
/** Windows' own installer: most of what came with the system is its. It runs only what Microsoft signed. */
const TRUSTED_INSTALLER = 'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464';
/** The owner of the object, who is asked himself. */
const ownerRights = ['OW', 'S-1-3-4'];
/** Whoever makes something in it: no account, so on the object itself it should not be. */
const creator = ['CO', 'S-1-3-0'];
const changers = new Set([...administrators, ...ownerRights, TRUSTED_INSTALLER]);
const trusted: Record<Use, ReadonlySet<string>> = { read: new Set([...administrators, ...ownerRights, ...creator]), change: changers, pass: changers, fill: changers };

/** @param own security identifier of the user the agent runs as */
export function othersIn({ owner, granted }: AccessList, own: string, use: Use): Others {
  const stranger = (who: string): boolean => !trusted[use].has(who) && who !== own && aliases[who] !== own;
  const entries = granted.filter((entry) => (entry.rights & counted[use]) !== 0 && stranger(entry.who) && applies(entry, use));
  const owned = stranger(owner); // an owner may always write the list
  return { who: [...new Set([...(owned ? [owner] : []), ...entries.map(({ who }) => who)])].map(called), owner: owned, granted: entries.length > 0, explicit: entries.some(({ inherited }) => !inherited) };
}

/** What is made in a directory gets its inheritable entries before anybody can close it; what is there already has its own list. */
function applies({ inheritOnly, toDirectories, who }: Entry, use: Use): boolean {
  if (!inheritOnly || use === 'read') return true;
  return use === 'fill' && toDirectories && !creator.includes(who);
}

/** Undefined when any part of it is not understood. No list at all grants everybody everything. */
export function readAccessList(sddl: string): AccessList | undefined {
  const [, owner, flags = '', text = ''] = /^O:(S-[\d-]+|[A-Z]{2})(?:G:(?:S-[\d-]+|[A-Z]{2}))?D:([A-Z_]*)((?:\([^()]*\))*)(?:S:.*)?$/.exec(sddl) ?? [];
  if (owner === undefined) return undefined;
  if (flags.includes('NO_ACCESS_CONTROL')) return { owner, granted: [{ who: 'everybody', rights: GENERIC_ALL, inheritOnly: false, toDirectories: true, inherited: false }] };
  const granted: Entry[] = [];
  for (const [, entry = ''] of text.matchAll(/\(([^()]*)\)/g)) {
    const read = readEntry(entry);
    if (!read) return undefined;
    if (read !== 'denied') granted.push(read);
  }
  return { owner, granted };
}

const inheritance = ['OI', 'CI', 'NP', 'IO', 'ID'];

function readEntry(text: string): Entry | 'denied' | undefined {
  const [type = '', flagText = '', rightsText = '', object = '', inheritedObject = '', who = '', ...more] = text.split(';');
  const flags = pairs(flagText);
  const rights = readRights(rightsText);
  const simple = (type === 'A' || type === 'D') && object === '' && inheritedObject === '' && more.length === 0 && /^(S-[\d-]+|[A-Z]{2})$/.test(who);
  if (!simple || rights === undefined || !flags?.every((flag) => inheritance.includes(flag))) return undefined;
  return type === 'D' ? 'denied' : { who, rights, inheritOnly: flags.includes('IO'), toDirectories: flags.includes('CI'), inherited: flags.includes('ID') };
}

/** Names of two letters, one after another without anything between. */
function pairs(text: string): string[] | undefined {
  return text.length % 2 === 0 ? text.match(/../g) ?? [] : undefined;
}

/** The names are those of directory services and of the registry too: only the bits mean something for a file. */
const rightNames: Record<string, number> = {
  GA: GENERIC_ALL, GX: 0x2000_0000, GW: GENERIC_WRITE, GR: 0x8000_0000,
  RC: 0x2_0000, SD: DELETE, WD: WRITE_DAC, WO: WRITE_OWNER,
  CC: 0x1, DC: 0x2, LC: 0x4, SW: 0x8, RP: 0x10, WP: 0x20, DT: DELETE_CHILD, LO: 0x80, CR: 0x100,
  FA: 0x1f_01ff, FR: 0x12_0089, FW: 0x12_0116, FX: 0x12_00a0, KA: 0xf_003f, KR: 0x2_0019, KW: 0x2_0006, KX: 0x2_0019,
};
const known = 0x1f_01ff | 0xf000_0000;

function readRights(text: string): number | undefined {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return (Number(text) & ~known) === 0 ? Number(text) : undefined;
  return pairs(text)?.reduce<number | undefined>((sum, name) => {
    const right = rightNames[name];
    return sum === undefined || right === undefined ? undefined : sum | right;
  }, 0);
}

/** Accounts that are the same on every machine and that an agent may run as. */
const aliases: Record<string, string> = { LS: 'S-1-5-19', NS: 'S-1-5-20' };
const names: Record<string, string> = { WD: 'Everyone', AU: 'Authenticated Users', BU: 'Users', IU: 'Interactive', BG: 'Guests', AN: 'Anonymous', BO: 'Backup Operators', CO: 'Creator Owner' };

function called(who: string): string {
  const name = names[who];
  return name === undefined ? who : `${who} (${name})`;
}
