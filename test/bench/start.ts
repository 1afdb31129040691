/**
 * `npm run bench -- start`: the built server's cold start and memory, with an existing small store (what an idle server costs)
 * and with 10,000 hosts and 100,000 finished jobs. The full store is made of objects as the server itself writes them: one of
 * each is written through the store, its text copied under other names; then the server runs once until it has nothing left to do.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createAdmission } from '#apiserver/admission/index.js';
import { loadSecretKey } from '#apiserver/cmd/secretKey.js';
import { openEnvironment, type Change } from '#apiserver/stores/environment.js';
import { openFileStore } from '#apiserver/stores/file/index.js';
import type { WriteOptions } from '#crds/objectStore.js';
import { buildAll } from '../../hack/build.js';
import { aBackup, aGroup, aHost, aSchedule } from '../builders/objects.js';
import { startServer } from '../builders/server.js';
import { Connection } from './connection.js';
import { targetOf } from './engines.js';
import { pause, peakOf, processorTime, quiet, residentOf } from './processes.js';
import { median, megabytes, table } from './report.js';

export interface StartOptions { hosts: number; jobs: number; times: number }

interface Started { answerMs: number; processor: number; atAnswer: number; settledMs: number; settled: number; peak: number }

export async function benchStart({ hosts, jobs, times }: StartOptions): Promise<void> {
  await buildAll();
  process.env['RM_TEST_BUNDLE'] = '1';
  const dir = await mkdtemp(join(tmpdir(), 'rm-bench-'));
  try {
    const small = join(dir, 'small');
    await startOnce(small, 1);
    const empty = await several(times, () => startOnce(small, 0));
    const idle = await idleCost(small);

    const full = join(dir, 'full');
    await fill(full, hosts, jobs);
    const before = performance.now();
    await startOnce(full, 1, 120_000);
    console.log(`filled, and reconciled for the first time in ${((performance.now() - before) / 1000).toFixed(1)} s`);
    const loaded = await several(times, () => startOnce(full, hosts, 60_000));
    const of = (name: string, all: readonly Started[], goal: string): string[] => {
      const shown = (key: keyof Started): number => median(all.map((each) => each[key]));
      return [name, `${shown('answerMs').toFixed(0)} ms`, `${shown('processor').toFixed(1)} s`, `${megabytes(shown('atAnswer'))} MB`, `${(shown('settledMs') / 1000).toFixed(1)} s`, `${megabytes(shown('settled'))} MB`, `${megabytes(shown('peak'))} MB`, goal];
    };
    console.log(`\n${table(['store', 'first answer', 'processor time', 'memory then', 'all settled', 'memory then', 'peak', 'goal'], [
      of('existing, empty', empty, '400 ms, 110 MB'), of(`${hosts} hosts, ${jobs} finished jobs`, loaded, '3 s, 400 MB'),
    ])}\n\nidle for 30 s: ${megabytes(idle.memory)} MB, ${idle.processor.toFixed(2)} s of processor time`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function several<T>(times: number, once: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let time = 0; time < times; time++) all.push(await once());
  return all;
}

/** @param expect Hosts that must be listed; 0: none are asked for */
export async function startOnce(dataDir: string, expect: number, patienceMs = 20_000): Promise<Started> {
  const begin = performance.now();
  const server = await startServer({ dataDir });
  try {
    const connection = await Connection.open(await targetOf(server));
    const reply = await connection.request('GET', '/apis/restic-manager.io/v1alpha1/namespaces/default/hosts?limit=1', undefined, undefined, true);
    const answerMs = performance.now() - begin;
    connection.close();
    if (reply.status !== 200 || (expect > 1 && !reply.text.includes(`"remainingItemCount":${expect - 1}`))) throw new Error(`the server answers ${reply.status}: ${reply.text.slice(0, 300)}`);
    const [atAnswer, processor] = await Promise.all([residentOf(server.pid), processorTime([server.pid])]);
    await quiet([server.pid], patienceMs);
    // Work put off by a few seconds (throttled aggregates, job history) belongs to the start.
    if (expect > 0) { await pause(6_000); await quiet([server.pid], patienceMs); }
    return { answerMs, processor, atAnswer, settledMs: performance.now() - begin, settled: await residentOf(server.pid), peak: await peakOf(server.pid) };
  } finally {
    await server.stop();
  }
}

async function idleCost(dataDir: string): Promise<{ memory: number; processor: number }> {
  const server = await startServer({ dataDir });
  try {
    await quiet([server.pid]);
    const before = await processorTime([server.pid]);
    await pause(30_000);
    return { memory: await residentOf(server.pid), processor: await processorTime([server.pid]) - before };
  } finally {
    await server.stop();
  }
}

const options: WriteOptions = { principal: { name: 'system:bench', role: 'system' }, door: 'system', fieldManager: 'restic-manager' };
const GROUP = 'etc';
const SCHEDULE = 'daily';
/** Jobs per host that its schedule keeps. */
const keeps = (hosts: number, jobs: number): number => Math.max(1, Math.ceil(jobs / hosts));

export async function fill(dataDir: string, hosts: number, jobs: number): Promise<void> {
  // The server makes the directory and its key.
  const server = await startServer({ dataDir });
  await server.stop();
  const store = await openFileStore({ dir: dataDir, admission: createAdmission({ namespace: 'default' }), secretKey: await loadSecretKey(join(dataDir, 'secret.key'), join(dataDir, 'objects')) });
  try {
    await store.create('SourceGroup', aGroup(GROUP, { hostSelector: { matchLabels: { env: 'prod' } }, includes: ['/etc'] }), options);
    await store.create('Schedule', aSchedule(SCHEDULE, [GROUP], { successfulJobsHistoryLimit: keeps(hosts, jobs) }), options);
    await store.create('Host', aHost('host-000000', {}, { labels: { env: 'prod', site: 'site-1' } }), options);
    const created = await store.create('ResticJob', finishedJob(), options);
    await store.patchStatus('ResticJob', { namespace: 'default', name: created.metadata.name }, observed(), options);
    await store.patchStatus('ResticJob', { namespace: 'default', name: created.metadata.name }, concluded(), options);
  } finally {
    await store.close();
  }
  const environment = openEnvironment(dataDir, 'objects');
  try {
    let version = Number(environment.get('m/version') ?? '1');
    const copies = async (key: string, count: number, of: (text: string, index: number) => string, prefix: string): Promise<void> => {
      const text = environment.get(`${key}${prefix}000000`) ?? '';
      const { metadata: { uid, resourceVersion } } = JSON.parse(text) as { metadata: { uid: string; resourceVersion: string } };
      let changes: Change[] = [];
      for (let index = 1; index < count; index++) {
        version += 1;
        const name = `${prefix}${String(index).padStart(6, '0')}`;
        changes.push({ key: `${key}${name}`, value: of(text, index).replaceAll(`"${prefix}000000"`, `"${name}"`).replace(uid, randomUUID()).replace(`"resourceVersion":"${resourceVersion}"`, `"resourceVersion":"${version}"`) });
        if (changes.length === 5_000 || index === count - 1) { await environment.commit([...changes, { key: 'm/version', value: String(version) }]); changes = []; }
      }
    };
    await copies('o/Host/default/', hosts, (text) => text, 'host-');
    await copies('o/ResticJob/default/', jobs, (text, index) => text.replaceAll('"host-000000"', `"host-${String(index % hosts).padStart(6, '0')}"`), 'job-');
  } finally {
    await environment.close();
  }
}

const at = (minute: number): string => new Date(Date.now() - 86_400_000 + minute * 60_000).toISOString().replace(/\.\d+Z$/, 'Z');

function finishedJob(): ReturnType<typeof aBackup> {
  const labels = { 'restic-manager.io/host': 'host-000000', 'restic-manager.io/source-group': GROUP, 'restic-manager.io/schedule': SCHEDULE, 'restic-manager.io/origin': 'Schedule' };
  return aBackup('job-000000', 'host-000000', GROUP, { repositoryRef: { name: 'host-000000' }, startedBy: 'Agent', origin: { type: 'Schedule', name: SCHEDULE, dueTime: at(0) } }, { labels });
}

const summary = { filesNew: 12, filesChanged: 34, filesUnmodified: 41_023, dirsNew: 1, dirsChanged: 17, dirsUnmodified: 5_120, filesProcessed: 41_069, bytesProcessed: 48_318_382_080, bytesAdded: 73_400_320, bytesStored: 31_457_280, durationSeconds: 41.7 };
const snapshotID = 'a8b3c1f2e4d5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff';

const observed = (): Record<string, unknown> => ({
  observed: { runID: '01J0000000000000000000000A', phase: 'Succeeded', startTime: at(0), completionTime: at(1), attempts: 1, exitCode: 0, warnings: 0, summary, snapshotID, repositoryID: snapshotID },
});
const concluded = (): Record<string, unknown> => ({
  phase: 'Succeeded', startTime: at(0), completionTime: at(1), duration: '41s', attempts: 1, exitCode: 0, reason: 'Succeeded', message: 'snapshot a8b3c1f2 was made', warnings: 0, summary, snapshotID, observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'the run succeeded', lastTransitionTime: at(1), observedGeneration: 1 }],
});
