/**
 * Puts pinned tools into `.tools/bin`, each from the first source that works: what an earlier run left there, PATH at a good
 * version (linked), the distribution's package (unpacked, never installed), `go build` of the pinned module. Says which it took.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { run } from '../lib/exec.js';
import { inRoot } from '../lib/root.js';
import { messageOf, step } from '../lib/step.js';
import { onPath, toolsFolder } from './paths.js';
import { tools, type Tool, type ToolName } from './tools.js';

/** The version a binary reports, or undefined when it does not run. */
async function versionOf(path: string, tool: Tool): Promise<string | undefined> {
  const { code, stdout, stderr } = await run(path, tool.versionArgs, { mayFail: true, timeoutMs: 20_000 });
  return code === 0 || tool.versionPattern ? (tool.versionPattern ?? /\bv?(\d+\.\d+\.\d+)/).exec(stdout + stderr)?.[1] : undefined;
}

/** Each source answers where it took the tool from, undefined when it does not apply, and throws when it applies and fails. */
type Source = (tool: Tool, target: string) => Promise<string | undefined>;

const fromCache: Source = async (tool, target) => {
  if (!existsSync(target)) return undefined;
  const version = await versionOf(target, tool);
  return version && tool.accepts(version) ? `.tools (${version})` : undefined;
};

const fromPath: Source = async (tool, target) => {
  const path = onPath(tool.onPath);
  const version = path && (await versionOf(path, tool));
  if (!path || !version || !tool.accepts(version)) return undefined;
  await rm(target, { force: true });
  await symlink(path, target);
  return `${path} (${version})`;
};

const fromDistribution: Source = async ({ debian, ...tool }, target) => {
  if (!debian || !onPath('apt-get') || !onPath('dpkg-deb')) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'rm-tool-'));
  const named = debian.packages.join(' and ');
  try {
    const download = (): ReturnType<typeof run> => run('apt-get', ['download', ...debian.packages], { cwd: folder, mayFail: true, timeoutMs: 180_000 });
    let result = await download();
    if (result.code !== 0 && process.getuid?.() === 0) {
      await run('apt-get', ['update'], { mayFail: true, timeoutMs: 300_000 });
      result = await download();
    }
    const files = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
    if (files.length < debian.packages.length) throw new Error(`apt-get download ${named}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`);
    const unpacked = join(folder, 'unpacked');
    for (const file of files) await run('dpkg-deb', ['-x', file, unpacked], { cwd: folder });
    if (debian.libraries) await installWithLibraries(unpacked, debian.binary, debian.libraries, target);
    else await install(join(unpacked, debian.binary), target);
    const version = await versionOf(target, tool);
    if (!version || !tool.accepts(version)) {
      await rm(target, { force: true });
      throw new Error(`the distribution's ${named} is ${version ?? 'unreadable'}, wanted ${tool.accepted}`);
    }
    return `the distribution's package (${version}, unpacked, not installed)`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const fromGo: Source = async ({ name, go }, target) => {
  if (!go || !onPath('go')) return undefined;
  const built = `${target}.building-${process.pid}`;
  try {
    await step(`build ${name} ${go.version} with go (${go.takes})`, () =>
      run('go', ['build', '-p', '2', '-trimpath', '-buildvcs=false', '-ldflags', go.ldflags, '-o', built, go.package],
        { cwd: inRoot('hack/tools/modules', name), env: { ...process.env, CGO_ENABLED: '0', GOMAXPROCS: '2', GOWORK: 'off' }, timeoutMs: 15 * 60_000 }));
    await rename(built, target);
  } finally {
    await rm(built, { force: true });
  }
  return `go build (${go.version})`;
};

/** Copy beside, then rename: a reader never sees half a binary. */
async function install(from: string, target: string): Promise<void> {
  const beside = `${target}.new-${process.pid}`;
  await copyFile(from, beside);
  await rename(beside, target);
}

/** A program that wants libraries the system may lack stays in the tree it was unpacked to; `target` starts it there. */
async function installWithLibraries(unpacked: string, binary: string, libraries: string, target: string): Promise<void> {
  const home = join(dirname(dirname(target)), basename(target));
  await rm(home, { recursive: true, force: true });
  await cp(unpacked, home, { recursive: true, verbatimSymlinks: true });
  const folders = new Set((await readdir(join(home, libraries), { recursive: true })).filter((name) => /\.so(\.|$)/.test(name)).map((name) => dirname(name)));
  const path = [...folders].map((folder) => `"$here/${join(libraries, folder)}"`).join(':');
  const beside = `${target}.new-${process.pid}`;
  await writeFile(beside, `#!/bin/sh\nhere=$(dirname "$(dirname "$(readlink -f "$0")")")/${basename(target)}\nexport LD_LIBRARY_PATH=${path}\nexec "$here/${binary}" "$@"\n`, { mode: 0o755 });
  await rename(beside, target);
}

const sources: readonly Source[] = [fromCache, fromPath, fromDistribution, fromGo];

/** @throws Error that says what each source answered and names the fix */
async function fetchTool(tool: Tool, folder: string): Promise<void> {
  const target = join(folder, tool.name);
  const tried: string[] = [];
  for (const source of sources) {
    try {
      const from = await source(tool, target);
      if (from) { console.log(`  ${tool.name}: from ${from}`); return; }
    } catch (error) {
      tried.push(messageOf(error));
    }
  }
  const why = tried.length > 0 ? `\n  ${tried.join('\n  ')}` : '';
  throw new Error(`${tool.name} cannot be had. Install ${tool.onPath} ${tool.accepted} on PATH${tool.go ? ', or Go 1.26 to build it' : ''}, and run the command again.${why}`);
}

/** Brings the named tools, one after the other (two cores are soon busy with one build). */
export async function fetchTools(names: readonly ToolName[], folder: string = toolsFolder): Promise<void> {
  await mkdir(folder, { recursive: true });
  await step(`tools: ${names.join(', ')}`, async () => {
    for (const tool of tools) if (names.includes(tool.name)) await fetchTool(tool, folder);
  });
}
