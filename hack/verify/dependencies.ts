/**
 * Every dependency is there for a stated reason under a permissive licence, none is deprecated, and the lockfile names packages,
 * versions and checksums, never a registry host. `npm audit` is asked where the registry answers it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { run } from '../lib/exec.js';
import { root as checkout } from '../lib/root.js';
import type { Checker } from './problem.js';

const permissive = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0', 'CC-BY-4.0', 'Unlicense', 'Python-2.0', 'OFL-1.1', 'MIT-0', 'PSF-2.0']);
/** Tools that run here and are shipped with nothing may also be under these. */
const permissiveForTools = new Set([...permissive, 'MPL-2.0']);
interface Manifest { dependencies?: Record<string, string>; devDependencies?: Record<string, string> }
interface LockEntry { version?: string; optionalDependencies?: Record<string, string>; license?: string; deprecated?: string; resolved?: string; integrity?: string; /** Inside the package above it, covered by that checksum. */ inBundle?: boolean; dev?: boolean }

/** Whether a package at `path` finds `name` in the lockfile, looking upwards as Node does. */
function isLocked(lock: Record<string, LockEntry>, path: string, name: string): boolean {
  for (let base = path; ;) {
    if (lock[`${base}${base ? '/' : ''}node_modules/${name}`]) return true;
    if (base === '') return false;
    base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')));
  }
}

/** `(MIT OR GPL-3.0)` is fine when one side is, `MIT AND X` when all are. */
function isAllowed(licence: string, allowed: ReadonlySet<string>): boolean {
  const text = licence.replaceAll(/[()]/g, ' ').trim();
  return text.includes(' AND ') ? text.split(' AND ').every((part) => isAllowed(part, allowed)) : text.split(' OR ').some((part) => allowed.has(part.trim()));
}

export const checkDependencies: Checker = async (root) => {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  const lockText = await readFile(join(root, 'package-lock.json'), 'utf8');
  const lock = (JSON.parse(lockText) as { packages: Record<string, LockEntry> }).packages;
  const reasons = load(await readFile(join(root, 'hack/verify/dependencies.yaml'), 'utf8')) as Record<string, string>;
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
  const problems: string[] = [];
  for (const [name, version] of Object.entries(wanted)) {
    if (!reasons[name]) problems.push(`package.json: ${name} has no reason in hack/verify/dependencies.yaml`);
    if (!/^\d/.test(version)) problems.push(`package.json: ${name} ${version} is not one exact version`);
  }
  for (const name of Object.keys(reasons)) if (!wanted[name]) problems.push(`hack/verify/dependencies.yaml: ${name} is no dependency any more`);
  for (const [path, entry] of Object.entries(lock)) {
    if (path === '') continue;
    const name = path.replace(/^.*node_modules\//, '');
    if (entry.deprecated) problems.push(`package-lock.json: ${name} is deprecated: ${entry.deprecated}`);
    for (const optional of Object.keys(entry.optionalDependencies ?? {})) if (!isLocked(lock, path, optional)) problems.push(`package-lock.json: ${name} names ${optional}, which has no entry: npm ci refuses that`);
    if (entry.resolved) problems.push(`package-lock.json: ${name} names a registry host`);
    if (!entry.integrity && !entry.inBundle) problems.push(`package-lock.json: ${name} has no checksum`);
    if (!isAllowed(entry.license ?? '', entry.dev ? permissiveForTools : permissive)) problems.push(`package-lock.json: ${name} has the licence ${entry.license ?? '(none given)'}, not on the permissive list`);
  }
  if (/https?:\/\/[^"]*\/-\//.test(lockText)) problems.push('package-lock.json: names a registry host');
  return problems;
};

/** Known vulnerabilities. A registry without that endpoint is said, not failed. */
export const checkAudit: Checker = async (root) => {
  if (root !== checkout) return [];
  const { stdout, stderr } = await run('npm', ['audit', '--json', '--omit=dev'], { cwd: root, mayFail: true, timeoutMs: 30_000 });
  let answer: { error?: { summary?: string }; message?: string; vulnerabilities?: Record<string, { severity: string }> } = {};
  try { answer = JSON.parse(stdout) as typeof answer; } catch { /* said below */ }
  if (!answer.vulnerabilities) {
    console.log(`  npm audit: the registry gives no answer (${(answer.message ?? answer.error?.summary ?? (stderr.trim().split('\n')[0] || 'no reply')).replace(/ ?-? ?(GET|POST) https?:\/\/\S+|https?:\/\/\S+/g, '').slice(0, 100)}); deprecated and unlisted packages were checked`);
    return [];
  }
  return Object.entries(answer.vulnerabilities).filter(([, found]) => found.severity !== 'info' && found.severity !== 'low').map(([name, found]) => `npm audit: ${name}: ${found.severity}`);
};
