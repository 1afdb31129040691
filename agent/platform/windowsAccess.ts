/** Who may read and change files on Windows: Get-Acl tells (accessList.ts reads it), icacls closes. What cannot be told is refused. */
import { win32 } from 'node:path';
import { othersIn, readAccessList, type Others, type Use } from './accessList.js';
import type { Platform } from './platform.js';

/** Runs a program of the system to its end; `code` is null when it could not be started or took longer than `timeoutMs` (default 10 s). */
export type RunProgram = (program: string, args: readonly string[], env?: Record<string, string>, timeoutMs?: number) => { code: number | null; stdout: string };

interface Asked { path: string; use: Use }

/** SYSTEM and the administrators, by security identifier: their names are translated. */
const SYSTEM = 'S-1-5-18';
const ADMINISTRATORS = 'S-1-5-32-544';
/** Characters of paths in one question: a variable of the environment holds 32,767. */
const ASKED_AT_ONCE = 16_000;
/** Its first start after a boot is slow. */
const POWERSHELL_MS = 60_000;
const question = "$ErrorActionPreference = 'Stop'; foreach ($path in ($env:ACL_PATHS -split [char]10)) { try { (Get-Acl -LiteralPath $path).Sddl } catch { '?' } }; [Security.Principal.WindowsIdentity]::GetCurrent().User.Value";

/** @param system full path of a program of System32 */
export function windowsAccess(system: (name: string) => string, run: RunProgram): Pick<Platform, 'closeToOthers' | 'changeProblem' | 'wayProblem' | 'privacyProblem'> {
  /** What others have of each path; undefined where that cannot be told. The paths go by the environment: in the command they would be code. */
  const othersOf = (asked: readonly Asked[]): (Others | undefined)[] => {
    const { code, stdout } = run(system('WindowsPowerShell\\v1.0\\powershell.exe'), ['-NoProfile', '-NonInteractive', '-Command', question], { ACL_PATHS: asked.map(({ path }) => path).join('\n') }, POWERSHELL_MS);
    const lines = stdout.trim().split(/\r?\n/);
    const own = lines.at(-1) ?? '';
    const told = code === 0 && lines.length === asked.length + 1 && /^S-[\d-]+$/.test(own);
    return asked.map(({ use }, index) => {
      const list = told ? readAccessList(lines[index] ?? '') : undefined;
      return list && othersIn(list, own, use);
    });
  };

  /** The first that others have a hold on, and who they are. */
  const firstOf = <One extends Asked>(asked: readonly One[]): { one: One; who: string; others?: Others } | undefined => {
    for (const some of portions(asked)) {
      const found = othersOf(some);
      for (const [index, one] of some.entries()) {
        const others = found[index];
        if (!others) return { one, who: 'anybody (its access list cannot be read or is not understood)' };
        if (others.who.length > 0) return { one, who: others.who.join(', '), others };
      }
    }
    return undefined;
  };

  return {
    async closeToOthers(path) {
      const { code } = run(system('icacls.exe'), [path, ...closed('directory'), '/L']); // never what a link in its place leads to
      if (code !== 0) throw new Error(`${path} could not be closed to other users: icacls exited with ${code ?? 'nothing'}`);
      return Promise.resolve();
    },

    async changeProblem(path, { mode }) {
      const problem = firstOf([{ path, use: 'change' }]);
      return Promise.resolve(problem && `${path} may be changed by ${problem.who}: run ${mend(path, isDirectory(mode) ? 'directory' : 'file', problem.others)}`);
    },

    async wayProblem(steps) {
      const problem = firstOf(steps.map(({ path, filled }) => ({ path, use: filled ? 'fill' : 'pass' })));
      return Promise.resolve(problem && { path: problem.one.path, why: `may be changed by ${problem.who}` });
    },

    async privacyProblem(kept) {
      const problem = firstOf(kept.flatMap(({ path, kind, holds = 'it holds secrets', found }) => {
        const itself = { path, use: 'read' as Use, kind, said: (who: string, command: string) => ({ path, why: `is open to ${who}, but ${holds}: ${command}` }) };
        if (!found) return [itself];
        // of an open file only the name can be asked: nobody may give that name to another file meanwhile
        const directory = win32.dirname(path);
        return [itself, { path: directory, use: 'change' as Use, kind: 'directory' as const, said: (who: string, command: string) => ({ path, why: `may be replaced by ${who}, but ${holds}: ${command}` }) }];
      }));
      return Promise.resolve(problem?.one.said(problem.who, `run ${mend(problem.one.path, problem.one.kind, problem.others)}`));
    },
  };
}

/** All rights to SYSTEM and the administrators, for what is made in it too; nothing is inherited any more. */
function closed(kind: 'file' | 'directory'): string[] {
  return ['/inheritance:r', '/grant:r', ...[SYSTEM, ADMINISTRATORS].map((sid) => `*${sid}:${kind === 'file' ? '' : '(OI)(CI)'}F`)];
}

/** The commands that leave nobody else on it. Those who were named on the object itself go by /reset alone. */
function mend(path: string, kind: 'file' | 'directory', { owner, explicit, granted }: Others = { who: [], owner: true, explicit: true, granted: true }): string {
  return [
    ...(owner ? [`icacls "${path}" /setowner *${ADMINISTRATORS}`] : []),
    ...(explicit ? [`icacls "${path}" /reset`] : []),
    ...(granted ? [`icacls "${path}" ${closed(kind).join(' ')}`] : []),
  ].join(', then ');
}

function isDirectory(mode: number): boolean {
  return (mode & 0o170000) === 0o040000;
}

/** In their order, as many at a time as one question holds. */
function* portions<One extends Asked>(asked: readonly One[]): Generator<One[]> {
  let some: One[] = [];
  let size = 0;
  for (const one of asked) {
    if (some.length > 0 && size + one.path.length > ASKED_AT_ONCE) {
      yield some;
      some = [];
      size = 0;
    }
    some.push(one);
    size += one.path.length + 1;
  }
  if (some.length > 0) yield some;
}
