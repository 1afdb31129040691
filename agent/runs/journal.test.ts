import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobFinished, JobIdentity } from '#crds/wire/agentProtocol.gen.js';
import { Scratch } from '../../test/builders/agentParts.js';
import { silentLog } from '../log.js';
import { Journal, RESULTS_KEPT_MS } from './journal.js';

const T0 = Date.parse('2026-11-24T00:00:00Z');
const identity = (job: string): JobIdentity => ({ job, runID: job, type: 'Backup', startedBy: 'Agent' });
const finished = (job: string, reason = 'Completed', at = T0): JobFinished => ({ identity: identity(job), phase: reason === 'Completed' ? 'Succeeded' : 'Failed', reason, message: '', completionTime: new Date(at).toISOString() });

describe('job journal', () => {
  const scratch = new Scratch();
  let path = '';
  const open = async (now = T0): Promise<Journal> => Journal.open(path, silentLog, now);
  /** What a new process would find. */
  const reopen = async (journal: Journal, now = T0): Promise<Journal> => {
    await journal.close();
    return open(now);
  };

  beforeEach(async () => { path = join(await scratch.dir('journal'), 'journal.jsonl'); });
  afterEach(async () => scratch.clean());

  it('knows after a restart what ran, with which children, and what is over', async () => {
    let journal = await open();
    await journal.start(identity('one'), 't', []);
    await journal.child('one', { pid: 42, startTime: '7', time: T0 });
    await journal.start(identity('two'), 't', []);
    await journal.finish(finished('two'));
    for (let restarts = 0; restarts < 2; restarts++) {
      journal = await reopen(journal);
      expect(journal.openRuns.map((run) => run.identity.job)).to.deep.equal(['one']);
      expect(journal.openRuns[0]?.children).to.deep.equal([{ pid: 42, startTime: '7', time: T0 }]);
      expect(journal.children).to.have.length(1);
      expect([journal.isKnown('one'), journal.isFinished('one'), journal.isFinished('two'), journal.isKnown('three')]).to.deep.equal([true, false, true, false]);
      expect(await journal.results(0)).to.deep.equal([finished('two')]);
    }
    await journal.close();
  });

  it('remembers the post hook a run owes until it is over, and a foreign repository by its name alone', async () => {
    let journal = await open();
    await journal.start(identity('one'), 't', []);
    await journal.owePost('one', 'db');
    await journal.start(identity('two'), 't', [], 'elsewhere');
    await journal.owePost('two', 'db');
    await journal.owePost('two', undefined);
    for (let restarts = 0; restarts < 2; restarts++) {
      journal = await reopen(journal);
      expect(journal.openRuns.map(({ owedPost, repository }) => [owedPost, repository])).to.deep.equal([['db', undefined], [undefined, 'elsewhere']]);
    }
    await journal.close();
  });

  it('never gives a run number twice', async () => {
    let journal = await open();
    const first = journal.nextRunNumber();
    await journal.start(identity('one'), 't', []);
    journal = await reopen(journal);
    expect(journal.nextRunNumber()).to.be.greaterThan(first);
    await journal.close();
  });

  it('counts an interrupted run as missed once, a failed one never (S7)', async () => {
    const attempts = [{ schedule: 's', group: 'g', due: T0 }];
    let journal = await open();
    await journal.start(identity('one'), 't', attempts);
    await journal.finish(finished('one', 'ResticFailed'));
    expect(journal.attemptOf('s', 'g')).to.deep.include({ due: T0, owed: false });
    await journal.start(identity('two'), 't', attempts);
    await journal.finish(finished('two', 'Interrupted'));
    journal = await reopen(journal);
    expect(journal.attemptOf('s', 'g')).to.deep.include({ due: T0, owed: true });
    await journal.start(identity('three'), 't', attempts);
    expect(journal.attemptOf('s', 'g')).to.deep.include({ owed: false });
    journal = await reopen(journal);
    await journal.finish(finished('three', 'Interrupted'));
    expect(journal.attemptOf('s', 'g'), 'once').to.deep.include({ owed: false });
    await journal.close();
  });

  it('owes what coalesced with an interrupted run too', async () => {
    const journal = await open();
    await journal.start(identity('one'), 't', []);
    await journal.coalesced('one', [{ schedule: 's', group: 'g', due: T0 }]);
    await journal.finish(finished('one', 'Interrupted'));
    expect(journal.attemptOf('s', 'g')).to.deep.include({ due: T0, owed: true });
    await journal.close();
  });

  it('forgets results after 30 days, and keeps what was attempted', async () => {
    let journal = await open();
    await journal.start(identity('one'), 't', [{ schedule: 's', group: 'g', due: T0 }]);
    await journal.finish(finished('one'));
    await journal.finish(finished('two', 'Completed', T0 + RESULTS_KEPT_MS + 1));
    journal = await reopen(journal, T0 + RESULTS_KEPT_MS + 1);
    expect([journal.isKnown('one'), journal.isKnown('two')]).to.deep.equal([false, true]);
    expect(journal.attemptOf('s', 'g')?.due).to.equal(T0);
    await journal.close();
  });

  it('forgets nothing because a clock is ahead by years: what ran is not run again when it is right (S7)', async () => {
    let journal = await open();
    await journal.finish(finished('one'));
    journal = await reopen(journal, Date.parse('2040-01-01T00:00:00Z'));
    expect(journal.isFinished('one')).to.be.true;
    await journal.close();
  });

  it('remembers over a restart what was attempted before the clock was set back, until a later run (S7)', async () => {
    let journal = await open();
    const day = 86_400_000;
    await journal.start(identity('one'), 't', [{ schedule: 's', group: 'g', due: T0 }]);
    await journal.countAs({ schedule: 's', group: 'g', due: T0 - day });
    for (let restarts = 0; restarts < 2; restarts++) {
      journal = await reopen(journal, T0 - day);
      expect(journal.attemptOf('s', 'g')).to.deep.include({ due: T0 - day, ahead: T0 });
    }
    await journal.start(identity('two'), 't', [{ schedule: 's', group: 'g', due: T0 + day }]);
    journal = await reopen(journal, T0 + day);
    expect(journal.attemptOf('s', 'g'), 'over').to.deep.include({ due: T0 + day }).and.not.to.have.property('ahead');
    await journal.close();
  });

  it('cuts off a torn end, and keeps a damaged file under another name', async () => {
    let journal = await open();
    await journal.start(identity('one'), 't', []);
    await journal.start(identity('two'), 't', []);
    await journal.close();
    await appendFile(path, '0badc0de {"t":"end"');
    journal = await reopen(await open());
    expect(journal.openRuns).to.have.length(2);
    await journal.close();
    await writeFile(path, (await readFile(path, 'utf8')).replace('"runID":"one"', '"runID":"onx"'));
    journal = await open();
    expect(journal.openRuns.map((run) => run.identity.job)).to.deep.equal(['two']);
    expect((await readdir(join(path, '..'))).some((name) => name.startsWith('journal.jsonl.corrupt-'))).to.be.true;
    await journal.close();
  });
});
