import { expect } from 'chai';
import type { JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { admit, type Place } from './lanes.js';

describe('lanes: who runs beside whom', () => {
  let number = 0;
  const place = (type: JobIdentity['type'], group?: string, heldBack?: string): Place => ({ job: `${type.toLowerCase()}-${++number}`, type, group, heldBack });
  const backup = (group: string): Place => place('Backup', group);
  beforeEach(() => { number = 0; });

  const table: [sentence: string, waiting: () => Place[], active: () => Place[], max: number, starts: string[], waits: Record<string, string>][] = [
    ['one backup at a time by default', () => [backup('a'), backup('b')], () => [], 1, ['backup-1'], { 'backup-2': 'waits for its turn: backup-1 runs, and maxConcurrentJobs of this host is 1' }],
    ['as many as maxConcurrentJobs says', () => [backup('a'), backup('b'), backup('c')], () => [], 2, ['backup-1', 'backup-2'], { 'backup-3': 'waits for its turn: backup-1, backup-2 run, and maxConcurrentJobs of this host is 2' }],
    ['one backup of a group, and another group passes it', () => [backup('a'), backup('b')], () => [backup('a')], 2, ['backup-2'], { 'backup-1': 'waits for backup-3, a backup of the same source group' }],
    ['a restore, a diff and an unlock at once, beside anything (J9)', () => [place('Restore'), place('Diff'), place('Unlock'), place('Restore')], () => [place('Prune')], 1, ['restore-1', 'diff-2', 'unlock-3', 'restore-4'], {}],
    ['they count for nothing', () => [backup('a')], () => [place('Restore'), place('Diff')], 1, ['backup-1'], {}],
    ['an exclusive job alone', () => [place('Check'), backup('a')], () => [], 16, ['check-1'], { 'backup-2': 'waits for Check check-1, which needs the repository for itself' }],
    ['no exclusive job beside a backup', () => [place('Forget')], () => [backup('a')], 16, [], { 'forget-1': 'waits for Backup backup-2: it needs the repository for itself' }],
    ['no two exclusive jobs (J9)', () => [place('Prune')], () => [place('Check')], 16, [], { 'prune-1': 'waits for Check check-2, which needs the repository for itself' }],
    ['nobody but the light ones overtakes an exclusive job that waits', () => [place('Prune'), backup('b'), place('Check'), place('Restore')], () => [backup('a')], 4, ['restore-4'], { 'prune-1': 'waits for Backup backup-5: it needs the repository for itself', 'backup-2': 'waits for its turn behind Prune prune-1', 'check-3': 'waits for Backup backup-5: it needs the repository for itself' }],
    ['who is held back holds nobody else', () => [place('Prune', undefined, 'waits for plan generation 7'), backup('b')], () => [], 1, ['backup-2'], { 'prune-1': 'waits for plan generation 7' }],
    ['first come, first served', () => [backup('c'), backup('a'), backup('b')], () => [], 2, ['backup-1', 'backup-2'], { 'backup-3': 'waits for its turn: backup-1, backup-2 run, and maxConcurrentJobs of this host is 2' }],
    ['one opening of the repository', () => [place('Init'), place('Init')], () => [], 4, ['init-1'], { 'init-2': 'waits for init-1, which opens the repository already' }],
  ];
  for (const [sentence, waiting, active, max, starts, waits] of table) {
    it(sentence, () => {
      const admission = admit(waiting(), active(), max);
      expect(admission.start.map(({ job }) => job)).to.deep.equal(starts);
      expect(Object.fromEntries(admission.waits.map(({ place: { job }, why }) => [job, why]))).to.deep.equal(waits);
    });
  }
});
