/** What admission says to a ResticJob: a line a field, then the rules. */
import { ABSOLUTE, field, gone, integers, LABEL, many, SNAPSHOT } from '../row.js';
import type { Row } from '../row.js';

const IMMUTABLE = 'spec: Invalid value: "object": a job\'s spec is immutable except cancel; make a new job instead';

const COUNTS = [
  'filesNew', 'filesChanged', 'filesUnmodified', 'dirsNew', 'dirsChanged', 'dirsUnmodified', 'filesProcessed', 'bytesProcessed', 'bytesAdded', 'bytesStored',
  'filesRestored', 'filesSkipped', 'bytesRestored', 'snapshotsRemoved', 'snapshotsKept', 'bytesFreed', 'errorsFound', 'locksRemoved', 'locksLeft', 'filesAdded', 'filesRemoved', 'bytesRemoved',
];
const TARGET = '^(/|~/|\\$HOME/|\\$\\{HOME\\}/|[A-Za-z]:[\\\\/])';
const NO_PARENT = `spec.restore.targetDirectory: Invalid value: "string": must not contain '..'`;
const CONFIRM = 'spec: Invalid value: "object": restoring in place overwrites files of the host; restore.confirmHostName must repeat hostRef.name';

/** Jobs of the other types: what turns the good backup into one. */
const other = (type: string, block: object = {}): Record<string, unknown> => ({ 'spec.type': type, 'spec.sourceGroupRef': gone, 'spec.dryRun': gone, ...block });
const restore = other('Restore', { 'spec.restore': { repositoryRef: { name: 'web1' }, snapshot: 'abcdef01', paths: ['/etc', 'C:\\Data'], targetDirectory: '/srv/restored', overwrite: 'Never', verify: true } });
const diff = other('Diff', { 'spec.diff': { a: 'abcdef01', b: 'abcdef02' } });
const check = other('Check', { 'spec.check': { readDataSubsetPercent: 5 } });
const forget = other('Forget', { 'spec.forget': { snapshotIDs: ['abcdef01', 'abcdef02'], approvedPlan: 'abcdef0123456789' } });
/** As large as a job may be stored: the rules must still be within what a cluster computes. */
const largest = other('Restore', { 'spec.restore': { snapshot: 'a'.repeat(64), paths: many(120, (index) => `/${index}`.padEnd(4096, 'x')), targetDirectory: '/'.padEnd(4096, 'x'), overwrite: 'Never' } });
const most = other('Forget', { 'spec.forget': { snapshotIDs: many(1000, (index) => String(index).padStart(64, 'a')) } });

/** What the agent found, as observed and as the reconciler tells it. */
const resultRows = (at: string): Row[] => [
  ...field(`${at}.skippedFiles`, 'array', { maxItems: 20 }),
  ...field(`${at}.skippedFiles.0`, 'string', { maxLength: 4096 }),
  ...field(`${at}.targetDirectory`, 'string', { maxLength: 4096 }),
  ...field(`${at}.forgetPlan`, 'object'),
  ...field(`${at}.forgetPlan.hash`, 'string', { maxLength: 64 }),
  ...integers(`${at}.forgetPlan`, ['remove', 'of']),
  ...field(`${at}.forgetPlan.reasons`, 'array', { maxItems: 8, item: () => 'RemovesTooMuch' }),
  ...field(`${at}.forgetPlan.reasons.0`, 'string', { enum: ['RemovesTooMuch', 'UnknownSnapshots', 'FutureSnapshots'] }),
];
/** One block is for one type, and that type needs it or may have it. */
const only = (type: string, words: string): string => `spec: Invalid value: "object": ${words.replace('%', type)}`;
/** A job that is there already, and the same with one field else. */
const immutable = (job: Record<string, unknown>, change: Record<string, unknown>): Row => ({ on: 'update', stored: job, change: { ...job, ...change }, says: IMMUTABLE });

export const resticJobRows: Row[] = [
  ...field('spec', 'object', { required: true }),
  ...field('spec.hostRef', 'object', { required: true }),
  ...field('spec.hostRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('spec.repositoryRef', 'object'),
  ...field('spec.repositoryRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('spec.type', 'string', { required: true, enum: ['Backup', 'Init', 'Forget', 'Prune', 'Check', 'Unlock', 'Restore', 'Diff'] }),
  ...field('spec.sourceGroupRef', 'object'),
  ...field('spec.sourceGroupRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('spec.bandwidth', 'object'),
  ...integers('spec.bandwidth', ['uploadKiBps', 'downloadKiBps'], { minimum: 0, maximum: 1073741824 }),
  ...field('spec.dryRun', 'boolean'),
  ...field('spec.restore', 'object', {}, restore),
  ...field('spec.restore.repositoryRef', 'object', {}, restore),
  ...field('spec.restore.repositoryRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }, restore),
  ...field('spec.restore.snapshot', 'string', { required: true, maxLength: 64, minLength: 8, pattern: SNAPSHOT, bad: 'latest--' }, restore),
  ...field('spec.restore.paths', 'array', { minItems: 1, maxItems: 256, twice: '"/a0"' }, restore),
  ...field('spec.restore.paths.0', 'string', { maxLength: 4096, notEmpty: true, pattern: ABSOLUTE, bad: '-o=x' }, restore),
  ...field('spec.restore.inPlace', 'boolean', {}, restore),
  ...field('spec.restore.confirmHostName', 'string', { maxLength: 63 }, restore),
  ...field('spec.restore.targetDirectory', 'string', { maxLength: 4096, notEmpty: true, pattern: TARGET, bad: 'restored' }, restore),
  ...field('spec.restore.overwrite', 'string', { enum: ['Never', 'IfChanged', 'IfNewer', 'Always'] }, restore),
  ...field('spec.restore.verify', 'boolean', {}, restore),
  ...field('spec.diff', 'object', {}, diff),
  ...['a', 'b'].flatMap((name) => field(`spec.diff.${name}`, 'string', { required: true, maxLength: 64, minLength: 8, pattern: SNAPSHOT, bad: 'latest--' }, diff)),
  ...field('spec.check', 'object', {}, check),
  ...field('spec.check.readDataSubsetPercent', 'integer', { minimum: 0, maximum: 100 }, check),
  ...field('spec.forget', 'object', {}, forget),
  ...field('spec.forget.snapshotIDs', 'array', { minItems: 1, maxItems: 1000, item: (index) => `abcdef${String(index).padStart(6, '0')}`, twice: '"abcdef000000"' }, forget),
  ...field('spec.forget.snapshotIDs.0', 'string', { maxLength: 64, minLength: 8, pattern: SNAPSHOT, bad: '--prune-' }, forget),
  ...field('spec.forget.approvedPlan', 'string', { maxLength: 64, pattern: '^[0-9a-f]{16,64}$' }, forget),
  ...field('spec.cancel', 'boolean'),
  ...field('spec.startingDeadlineSeconds', 'integer', { minimum: 1, maximum: 31536000 }),
  ...field('spec.activeDeadlineSeconds', 'integer', { minimum: 1, maximum: 2592000 }),
  ...field('spec.ttlSecondsAfterFinished', 'integer', { minimum: 0, maximum: 315360000 }),
  ...field('spec.startedBy', 'string', { enum: ['Server', 'Agent'] }),
  ...field('spec.origin', 'object'),
  ...field('spec.origin.type', 'string', { required: true, enum: ['User', 'Schedule', 'CatchUp', 'Maintenance', 'System'] }),
  ...field('spec.origin.name', 'string', { maxLength: 253 }),
  ...field('spec.origin.dueTime', 'string', { dateTime: true }),
  ...field('status.phase', 'string', { enum: ['Queued', 'Offered', 'Running', 'Succeeded', 'Failed', 'Cancelled'] }),
  ...field('status.desiredRun', 'object'),
  ...field('status.desiredRun.id', 'string', { required: true, maxLength: 64 }),
  ...field('status.desiredRun.planGeneration', 'integer', { minimum: 0 }),
  ...field('status.desiredRun.state', 'string', { required: true, enum: ['Run', 'Stop'] }),
  ...field('status.observed', 'object'),
  ...field('status.observed.runID', 'string', { required: true, maxLength: 64 }),
  ...field('status.observed.phase', 'string', { required: true, enum: ['Running', 'Succeeded', 'Failed', 'Cancelled'] }),
  ...field('status.observed.startTime', 'string', { dateTime: true }),
  ...field('status.observed.completionTime', 'string', { dateTime: true }),
  ...field('status.observed.attempts', 'integer', { minimum: 0 }),
  ...field('status.observed.exitCode', 'integer'),
  ...field('status.observed.reason', 'string', { maxLength: 64 }),
  ...field('status.observed.message', 'string', { maxLength: 4096 }),
  ...field('status.observed.warnings', 'integer', { minimum: 0 }),
  ...field('status.observed.summary', 'object'),
  ...integers('status.observed.summary', COUNTS),
  ...field('status.observed.summary.durationSeconds', 'number'),
  ...field('status.observed.snapshotID', 'string', { maxLength: 64 }),
  ...resultRows('status.observed'),
  ...field('status.observed.repositoryID', 'string', { maxLength: 64 }),
  ...field('status.startTime', 'string', { dateTime: true }),
  ...field('status.completionTime', 'string', { dateTime: true }),
  ...field('status.duration', 'string', { maxLength: 32 }),
  ...field('status.attempts', 'integer', { minimum: 0 }),
  ...field('status.exitCode', 'integer'),
  ...field('status.reason', 'string', { maxLength: 64 }),
  ...field('status.message', 'string', { maxLength: 4096 }),
  ...field('status.warnings', 'integer', { minimum: 0 }),
  ...field('status.summary', 'object'),
  ...integers('status.summary', COUNTS),
  ...field('status.summary.durationSeconds', 'number'),
  ...field('status.snapshotID', 'string', { maxLength: 64 }),
  ...resultRows('status'),
  ...field('status.observedGeneration', 'integer'),

  { on: 'create', change: { 'spec.sourceGroupRef': gone }, says: 'spec: Invalid value: "object": a Backup needs sourceGroupRef' },
  { on: 'create', change: { 'spec.type': 'Init' }, says: 'spec: Invalid value: "object": sourceGroupRef is only for type Backup' },
  { on: 'update', change: { 'spec.cancel': false }, stored: { 'spec.cancel': true }, says: 'spec: Invalid value: "object": cancel cannot be taken back' },
  { on: 'update', change: { 'spec.cancel': gone }, stored: { 'spec.cancel': true }, says: 'spec: Invalid value: "object": cancel cannot be taken back' },
  { on: 'update', change: { 'spec.cancel': true }, says: 'accepted' },
  ...['hostRef', 'repositoryRef', 'sourceGroupRef'].map((name): Row => ({ on: 'update', change: { [`spec.${name}.name`]: 'other' }, says: IMMUTABLE })),
  ...['startingDeadlineSeconds', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished'].map((name): Row => ({ on: 'update', change: { [`spec.${name}`]: 61 }, says: IMMUTABLE })),
  ...['repositoryRef', 'startingDeadlineSeconds', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished', 'origin'].flatMap((name): Row[] => [
    { on: 'update', change: { [`spec.${name}`]: gone }, says: IMMUTABLE },
    { on: 'update', change: {}, stored: { [`spec.${name}`]: gone }, says: IMMUTABLE },
  ]),
  { on: 'update', change: { 'spec.origin.name': 'bob' }, says: IMMUTABLE },
  { on: 'update', change: { 'spec.startedBy': 'Agent' }, says: IMMUTABLE },
  { on: 'update', change: other('Init'), says: IMMUTABLE },
  ...['Init', 'Forget', 'Prune', 'Check', 'Unlock'].map((type): Row => ({ on: 'create', change: other(type), says: 'accepted' })),
  ...[restore, diff, check, forget].map((job): Row => ({ on: 'create', change: job, says: 'accepted' })),
  { on: 'create', change: other('Restore'), says: only('Restore', 'restore must be set for type %, and only for it') },
  { on: 'create', change: { 'spec.restore': restore['spec.restore'] }, says: only('Restore', 'restore must be set for type %, and only for it') },
  { on: 'create', change: other('Diff'), says: only('Diff', 'diff must be set for type %, and only for it') },
  { on: 'create', change: { 'spec.diff': diff['spec.diff'] }, says: only('Diff', 'diff must be set for type %, and only for it') },
  { on: 'create', change: { 'spec.check': {} }, says: only('Check', 'check is only for type %') },
  { on: 'create', change: { 'spec.forget': {} }, says: only('Forget', 'forget is only for type %') },
  ...['Init', 'Check', 'Unlock'].map((type): Row => ({ on: 'create', change: { ...other(type), 'spec.dryRun': true }, says: 'spec: Invalid value: "object": dryRun is only for types Backup, Forget, Prune and Restore' })),
  { on: 'create', change: { ...diff, 'spec.dryRun': true }, says: 'spec: Invalid value: "object": dryRun is only for types Backup, Forget, Prune and Restore' },
  { on: 'create', change: { ...diff, 'spec.dryRun': false }, says: 'accepted' },
  ...[other('Forget'), other('Prune'), restore].map((job): Row => ({ on: 'create', change: { ...job, 'spec.dryRun': true }, says: 'accepted' })),
  { on: 'create', change: { ...diff, 'spec.diff.b': 'abcdef01' }, says: 'spec.diff: Invalid value: "object": a and b are the same snapshot' },
  { on: 'create', change: { ...restore, 'spec.restore.inPlace': true }, says: 'spec.restore: Invalid value: "object": inPlace and targetDirectory exclude each other' },
  { on: 'create', change: { ...restore, 'spec.restore.targetDirectory': gone, 'spec.restore.inPlace': true }, says: CONFIRM },
  { on: 'create', change: { ...restore, 'spec.restore.targetDirectory': gone, 'spec.restore.inPlace': true, 'spec.restore.confirmHostName': 'web2' }, says: CONFIRM },
  { on: 'create', change: { ...restore, 'spec.restore.targetDirectory': gone, 'spec.restore.inPlace': true, 'spec.restore.confirmHostName': 'web1' }, says: 'accepted' },
  ...['/srv/../etc', '~/..', '/..', 'C:\\a\\..\\b'].map((target): Row => ({ on: 'create', change: { ...restore, 'spec.restore.targetDirectory': target }, says: NO_PARENT })),
  ...['~/restored', '$HOME/restored', '${HOME}/restored', '/srv/..hidden', 'C:\\restored'].map((target): Row => ({ on: 'create', change: { ...restore, 'spec.restore.targetDirectory': target }, says: 'accepted' })),
  ...['~root/x', '$HOMER/x', '$TMPDIR/x', './x', '-o'].map((target): Row => ({ on: 'create', change: { ...restore, 'spec.restore.targetDirectory': target }, says: `spec.restore.targetDirectory: Invalid value: "${target}": spec.restore.targetDirectory in body should match '${TARGET}'` })),
  immutable({}, { 'spec.bandwidth.uploadKiBps': 1 }),
  immutable({}, { 'spec.bandwidth': gone }),
  immutable({}, { 'spec.dryRun': false }),
  immutable({}, { 'spec.dryRun': gone }),
  immutable(restore, { 'spec.restore.snapshot': 'abcdef02' }),
  immutable(restore, { 'spec.restore.paths': ['/etc'] }),
  immutable(restore, { 'spec.restore.overwrite': 'Always' }),
  immutable(diff, { 'spec.diff.b': 'abcdef03' }),
  immutable(check, { 'spec.check.readDataSubsetPercent': 6 }),
  immutable(check, { 'spec.check': gone }),
  immutable(forget, { 'spec.forget.snapshotIDs': ['abcdef01'] }),
  immutable(forget, { 'spec.forget': gone }),
  { why: 'the largest there is', on: 'update', stored: largest, change: { ...largest, 'spec.cancel': true }, says: 'accepted' },
  { why: 'the largest there is', on: 'update', stored: most, change: { ...most, 'spec.cancel': true }, says: 'accepted' },
];
