import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Scratch, until } from '../../test/builders/agentParts.js';
import { systemClock } from '../clock.js';
import { interpreterOf } from '../platform/linux.js';
import { processStartTime } from '../platform/proc.js';
import { hookEnvironment, runHook, type HookOptions, type HookResult } from './hooks.js';

describe('hooks', () => {
  const scratch = new Scratch();
  let directory = '';
  let lines: string[] = [];
  beforeEach(async () => {
    directory = join(await scratch.dir('hooks'), 'hooks');
    lines = [];
  });
  afterEach(async () => scratch.clean());

  const run = async (body: string, change: Partial<HookOptions> = {}): Promise<HookResult> => runHook({ phase: 'pre', script: { body }, environment: {}, timeoutSeconds: 30, job: 'nightly-1', status: 'running', directory, clock: systemClock, onLine: (stream, line) => lines.push(`${stream} ${line}`), ...change });

  it('runs from a private 0700 file that is gone afterwards; the body never shows in a command line (E14)', async () => {
    const result = await run('#!/bin/sh\n# canary-body\nstat -c %a "$0" "$(dirname "$0")"\ntr "\\0" " " < /proc/$$/cmdline\n');
    expect(result).to.deep.equal({ ok: true });
    expect(lines.slice(0, 2)).to.deep.equal(['stdout hook(pre): 700', 'stdout hook(pre): 700']);
    expect(lines[2]).to.match(/^stdout hook\(pre\): \/bin\/sh .*\/hooks\/run-\w+\/pre $/);
    expect(lines.join()).not.to.contain('canary-body');
    expect(await readdir(directory)).to.deep.equal([]);
    expect((await stat(directory)).mode & 0o777).to.equal(0o700);
  });

  it('knows its job, its phase and how the backup stands, and has the agent\'s environment without its settings and secrets', async () => {
    process.env['HOOK_TEST_OWN'] = 'kept';
    process.env['RM_TOKEN'] = 'canary-token';
    try {
      await run('env', { phase: 'post', status: 'partial' });
    } finally {
      delete process.env['HOOK_TEST_OWN'];
      delete process.env['RM_TOKEN'];
    }
    expect(lines).to.include.members(['RM_JOB_ID=nightly-1', 'RM_HOOK_PHASE=post', 'RM_JOB_STATUS=partial', 'HOOK_TEST_OWN=kept'].map((line) => `stdout hook(post): ${line}`));
    expect(lines.join('\n')).not.to.contain('canary-token');
    expect(hookEnvironment({ RM_AGENT_TOKEN: 'x', RESTIC_PASSWORD: 'x', rm_token: 'x', PATH: '/bin' })).to.deep.equal({ PATH: '/bin' });
  });

  it('fails with its exit code; a script that cannot be run is a failure too', async () => {
    expect(await run('echo no >&2; exit 3')).to.deep.equal({ ok: false, message: 'the pre hook exited with 3' });
    expect(lines).to.deep.equal(['stderr hook(pre): no']);
    expect(await run('#!/no/such/interpreter\n')).to.deep.include({ ok: false });
    expect(await run('kill -9 $$')).to.deep.equal({ ok: false, message: 'the pre hook was killed by SIGKILL' });
  });

  it('ends a script that runs too long, with all that it started', async () => {
    const began = Date.now();
    const result = await run('trap "" TERM; (trap "" TERM; echo $$; exec sleep 300) & wait; wait', { timeoutSeconds: 1 });
    expect(result).to.deep.equal({ ok: false, message: 'the pre hook ran longer than 1 second and was ended; raise hooks.timeoutSeconds if it needs more' });
    expect(Date.now() - began).to.be.within(5_500, 9_000);
    const pid = Number(/(\d+)$/.exec(lines[0] ?? '')?.[1]);
    await until('no orphan', () => processStartTime(pid) === undefined);
  }).timeout(20_000);

  it('ends a script at once when its job is stopped', async () => {
    const abort = new AbortController();
    const running = run('echo begun; sleep 300', { signal: abort.signal });
    await until('the script', () => lines.length > 0);
    const began = Date.now();
    abort.abort();
    expect(await running).to.deep.equal({ ok: false, message: 'the pre hook was ended because the job was stopped' });
    expect(Date.now() - began).to.be.lessThan(1_000);
  });

  it('reads the interpreter as the kernel does', async () => {
    expect(interpreterOf('#!/bin/bash -e -u\nx')).to.deep.equal(['/bin/bash', '-e -u']);
    expect(interpreterOf('#! /usr/bin/env python3\r\nx')).to.deep.equal(['/usr/bin/env', 'python3']);
    expect(interpreterOf('echo')).to.deep.equal(['/bin/sh']);
    expect(interpreterOf('#!/bin/sh')).to.deep.equal(['/bin/sh']);
    await mkdir(directory, { recursive: true });
    await run('#!/usr/bin/env sh\necho "$0" > "$(dirname "$0")/../made"');
    expect(await readFile(join(directory, 'made'), 'utf8')).to.match(/\/pre\n$/);
  });
});
