/** Jobs that never reach a restic: what is missing is said while they wait, and once more when their time is over. */
import type { FailingHost } from './bed.js';
import type { Row } from './row.js';

const soon = { startingDeadlineSeconds: 1 };

/** A host that Git declared and no machine ever became; it shares the repository. */
async function nobody(host: FailingHost): Promise<string> {
  const name = `${host.name}-nobody`;
  if (!await host.world.get('Host', name)) {
    await host.world.create('Host', name, { spec: { repositoryRef: { name: host.host.repository } } });
    await host.world.create('SourceGroup', name, { spec: { hostRef: { name }, includes: ['/srv'] } });
  }
  return name;
}

async function ofNobody(host: FailingHost, spec: object): Promise<string> {
  const name = await nobody(host);
  return host.job('Backup', { hostRef: { name }, sourceGroupRef: { name }, ...spec }, 'nobody');
}

/** While `patch` holds for the Repository's Secret or where it is named. */
async function withSecret(host: FailingHost, kind: 'Secret' | 'Repository', patch: object, undo: object, job: () => Promise<string>): Promise<string> {
  const { repository } = host.host;
  await host.world.patch(kind, repository, patch);
  try {
    const name = await job();
    await host.world.ended(name);
    return name;
  } finally {
    await host.world.patch(kind, repository, undo);
    await host.mended();
  }
}

const label = 'restic-manager.io/use';

export const waitingRows: Row[] = [
  { title: 'the host is away until startingDeadlineSeconds are over', make: (host) => ofNobody(host, soon), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): host <host>-nobody is not online' } },
  {
    title: 'cancelled while the host is away',
    async make(host) {
      const job = await ofNobody(host, {});
      await host.condition('ResticJob', job, 'Succeeded', ({ reason }) => reason === 'WaitingForHost');
      await host.world.patch('ResticJob', job, { spec: { cancel: true } });
      return job;
    },
    says: { phase: 'Cancelled', reason: 'CancelledBeforeStart', message: 'cancelled before it was offered to the agent' },
  },
  { title: 'there is no such host', make: (host) => host.job('Check', { hostRef: { name: 'unknown' }, ...soon }, 'hostless'), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): Host default/unknown (spec.hostRef) does not exist' } },
  { title: 'there is no such source group', make: (host) => host.job('Backup', { sourceGroupRef: { name: 'unknown' }, ...soon }, 'groupless'), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): SourceGroup default/unknown (spec.sourceGroupRef) does not exist' } },
  { title: 'the source group is another host\'s', make: async (host) => host.job('Backup', { sourceGroupRef: { name: await nobody(host) }, ...soon }, 'foreign-group'), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): SourceGroup <host>-nobody (spec.sourceGroupRef) is not for host <host>' } },
  { title: 'a check on a host that is not the runner', make: async (host) => host.job('Check', { hostRef: { name: await nobody(host) }, ...soon }, 'not-runner'), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): a job of type Check runs on the runner of its repository only: the runner of repository <host> is host <host>' } },
  { title: 'the repository\'s Secret is not there', make: (host) => withSecret(host, 'Repository', { spec: { credentialsSecretRef: { name: 'no-such-secret' } } }, { spec: { credentialsSecretRef: { name: host.host.repository } } }, () => host.job('Backup', soon, 'secretless')), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): Secret default/no-such-secret (spec.credentialsSecretRef of repository <host>) does not exist' } },
  { title: 'the repository\'s Secret lacks its label', make: (host) => withSecret(host, 'Secret', { metadata: { labels: { [label]: null } } }, { metadata: { labels: { [label]: 'repository' } } }, () => host.job('Backup', soon, 'unlabelled')), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): Secret default/<host> lacks the label restic-manager.io/use=repository' } },
  { title: 'the repository\'s Secret has no password', make: (host) => withSecret(host, 'Secret', { data: { password: null } }, { stringData: host.host.backend.secret(host.host.repository) }, () => host.job('Backup', soon, 'passwordless')), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): Secret default/<host> has no key password' } },
  { title: 'the repository\'s Secret sets what it may not', make: (host) => withSecret(host, 'Secret', { stringData: { RESTIC_PASSWORD_COMMAND: 'touch /tmp/x' } }, { data: { RESTIC_PASSWORD_COMMAND: null } }, () => host.job('Backup', soon, 'variables')), says: { phase: 'Failed', reason: 'StartingDeadlineExceeded', message: 'it could not start within its startingDeadlineSeconds (1): key RESTIC_PASSWORD_COMMAND of Secret default/<host> is not one a repository may use: password, username, ssh-key, known_hosts, gcs.json, ca.pem or a back-end variable that carries a value' } },
  {
    title: 'the job of this name ran before, and failed',
    async make(host) {
      const spec = { restore: { snapshot: 'deadbeefdeadbeef' } };
      const job = await host.job('Restore', spec, 'twice');
      await host.world.ended(job);
      await host.world.call('DELETE', `/apis/restic-manager.io/v1alpha1/namespaces/default/resticjobs/${job}`);
      await host.world.create('ResticJob', job, { spec: { hostRef: { name: host.name }, type: 'Restore', ...spec } });
      return job;
    },
    says: { phase: 'Failed', reason: 'AlreadyRan', message: 'a job of this name ran before and ended Failed: the snapshot is not in the repository at <storage>/data/<host> (restic: failed to find snapshot: no matching ID found for prefix "<id>"); make a job of another name to run again', exitCode: 1, log: ['stderr: {"message_type":"exit_error","code":1,"message":"Fatal: failed to find snapshot: no matching ID found for prefix \\"<id>\\""}', 'agent: failed (SnapshotNotFound): the snapshot is not in the repository at <storage>/data/<host> (restic: failed to find snapshot: no matching ID found for prefix "<id>")'] },
    old: { message: 'a job of this name ran before and ended Failed: the snapshot is not in the repository at <storage>/data/<host> (restic: invalid id "<id>": no matching ID found for prefix "<id>"); make a job of another name to run again', log: ['stderr: invalid id "<id>": no matching ID found for prefix "<id>"', 'agent: failed (SnapshotNotFound): the snapshot is not in the repository at <storage>/data/<host> (restic: invalid id "<id>": no matching ID found for prefix "<id>")'] },
  },
];
