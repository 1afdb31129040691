/** What admission says to a SourceGroup: a line a field, then the rules. */
import { ABSOLUTE, field, gone, integers, LABEL } from '../row.js';
import { hookRows } from './hooks.js';
import type { Row } from '../row.js';

const FILE_NAME = '^/?[^/\\x00-\\x1f-][^\\x00-\\x1f]*$';
const KEEP_WITHIN = '^([1-9][0-9]{0,4}y)?([1-9][0-9]{0,4}m)?([1-9][0-9]{0,4}d)?([1-9][0-9]{0,4}h)?$';
const ONE_SOURCE = 'spec: Invalid value: "object": exactly one of includes and stdin must be set';
const TAGS_ALONE = 'spec.retention: Invalid value: "object": keepTags alone would forget every snapshot without these tags; add another rule, such as keepLast 1';
/** In place of includes. */
const dump = { 'spec.includes': gone, 'spec.stdin': { command: ['pg_dump', '-Fc', 'shop'], filename: 'shop.dump' } };

export const sourceGroupRows: Row[] = [
  ...field('spec', 'object', { required: true }),
  ...field('spec.hostRef', 'object'),
  ...field('spec.hostRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('spec.hostSelector', 'object'),
  ...field('spec.hostSelector.matchLabels', 'object', { maxProperties: 32 }),
  ...field('spec.hostSelector.matchLabels.env', 'string', { maxLength: 63 }),
  ...field('spec.hostSelector.matchExpressions', 'array', { maxItems: 32, item: () => ({}) }),
  ...field('spec.hostSelector.matchExpressions.0', 'object'),
  ...field('spec.hostSelector.matchExpressions.0.key', 'string', { required: true, maxLength: 316, notEmpty: true }),
  ...field('spec.hostSelector.matchExpressions.0.operator', 'string', { required: true, enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] }),
  ...field('spec.hostSelector.matchExpressions.0.values', 'array', { maxItems: 64 }),
  ...field('spec.hostSelector.matchExpressions.0.values.0', 'string', { maxLength: 63 }),
  ...field('spec.tag', 'string', { maxLength: 63, notEmpty: true, pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$' }),
  ...field('spec.includes', 'array', { minItems: 1, maxItems: 256, twice: '"/a0"' }),
  ...field('spec.includes.0', 'string', { maxLength: 4096, notEmpty: true, pattern: ABSOLUTE, bad: 'etc' }),
  ...field('spec.excludes', 'array', { maxItems: 256, twice: '"/a0"' }),
  ...field('spec.excludes.0', 'string', { maxLength: 4096, notEmpty: true }),
  ...field('spec.excludeCaches', 'boolean'),
  ...field('spec.excludeIfPresent', 'array', { maxItems: 64, twice: '"/a0"' }),
  ...field('spec.excludeIfPresent.0', 'string', { maxLength: 4096, notEmpty: true }),
  ...field('spec.excludeLargerThan', 'string', { maxLength: 16, pattern: '^[1-9][0-9]*[kKmMgGtT]?$', bad: '0' }),
  ...field('spec.oneFileSystem', 'boolean'),
  ...field('spec.requireMount', 'array', { maxItems: 32, twice: '"/a0"' }),
  ...field('spec.requireMount.0', 'string', { maxLength: 4096, notEmpty: true, pattern: ABSOLUTE, bad: 'srv' }),
  ...field('spec.skipIfUnchanged', 'boolean'),
  ...field('spec.windows', 'object'),
  ...field('spec.windows.useFsSnapshot', 'boolean'),
  ...field('spec.stdin', 'object', {}, dump),
  ...field('spec.stdin.command', 'array', { required: true, minItems: 1, maxItems: 64 }, dump),
  ...field('spec.stdin.command.0', 'string', { maxLength: 4096, notEmpty: true }, dump),
  ...field('spec.stdin.filename', 'string', { required: true, maxLength: 1024, notEmpty: true, pattern: FILE_NAME, bad: '-o=x' }, dump),
  ...field('spec.retention', 'object'),
  ...integers('spec.retention', ['keepLast', 'keepHourly', 'keepDaily', 'keepWeekly', 'keepMonthly', 'keepYearly'], { minimum: 1, maximum: 100000 }),
  ...field('spec.retention.keepWithin', 'string', { maxLength: 24, minLength: 2, pattern: KEEP_WITHIN, bad: '0d' }),
  ...field('spec.retention.keepTags', 'array', { maxItems: 32, twice: '"/a0"' }),
  ...field('spec.retention.keepTags.0', 'string', { maxLength: 256, notEmpty: true, pattern: '^[^,\\x00-\\x1f]+$', bad: 'a,b' }),
  ...field('spec.retry', 'object'),
  ...field('spec.retry.maxAttempts', 'integer', { required: true, minimum: 1, maximum: 10 }),
  ...field('spec.retry.backoffSeconds', 'integer', { minimum: 1, maximum: 1800 }),
  ...hookRows('spec.hooks'),
  ...field('spec.activeDeadlineSeconds', 'integer', { minimum: 1, maximum: 2592000 }),
  ...field('spec.suspend', 'boolean'),
  ...field('status.matchedHosts', 'integer', { minimum: 0 }),
  ...field('status.tag', 'string', { maxLength: 63 }),
  ...field('status.retention', 'string', { maxLength: 256 }),
  ...field('status.lastBackupTime', 'string', { dateTime: true }),
  ...field('status.observedGeneration', 'integer'),

  { on: 'create', change: { 'spec.hostRef': { name: 'web1' } }, says: 'spec: Invalid value: "object": exactly one of hostRef and hostSelector must be set' },
  { on: 'create', change: { 'spec.hostSelector': gone }, says: 'spec: Invalid value: "object": exactly one of hostRef and hostSelector must be set' },
  { on: 'create', change: { 'spec.hostRef': { name: 'web1' }, 'spec.hostSelector': gone }, says: 'accepted' },
  { on: 'create', change: { 'spec.includes': gone }, says: ONE_SOURCE },
  { on: 'create', change: { 'spec.stdin': dump['spec.stdin'] }, says: ONE_SOURCE },
  { on: 'create', change: dump, says: 'accepted' },
  { on: 'create', change: { ...dump, 'spec.stdin.filename': '/dumps/shop.dump' }, says: 'accepted' },
  { why: 'empty retention: forget skips the group', on: 'create', change: { 'spec.retention': {} }, says: 'accepted' },
  { on: 'create', change: { 'spec.retention': { keepTags: ['kept'] } }, says: TAGS_ALONE },
  { on: 'create', change: { 'spec.retention': { keepTags: [] } }, says: 'accepted' },
  ...Object.entries({ keepLast: 1, keepHourly: 1, keepDaily: 1, keepWeekly: 1, keepMonthly: 1, keepYearly: 1, keepWithin: '30d' }).map(([name, value]): Row => ({ on: 'create', change: { 'spec.retention': { keepTags: ['kept'], [name]: value } }, says: 'accepted' })),
  { on: 'create', change: { 'spec.hostSelector': {} }, says: 'spec.hostSelector: Invalid value: "object": an empty hostSelector would match every host; name at least one label' },
  { on: 'create', change: { 'spec.hostSelector': { matchLabels: {}, matchExpressions: [] } }, says: 'spec.hostSelector: Invalid value: "object": an empty hostSelector would match every host; name at least one label' },
  { on: 'update', change: { 'spec.tag': 'other' }, says: 'spec: Invalid value: "object": tag is immutable (snapshots and retention are found by it)' },
  { on: 'update', change: { 'spec.tag': gone }, says: 'spec: Invalid value: "object": tag is immutable (snapshots and retention are found by it)' },
  { on: 'update', change: {}, stored: { 'spec.tag': gone }, says: 'spec: Invalid value: "object": tag is immutable (snapshots and retention are found by it)' },
  { on: 'update', change: { spec: { includes: ['/etc'], hostRef: { name: 'a' } } }, stored: { spec: { includes: ['/srv'], hostRef: { name: 'b' } } }, says: 'accepted' },
];
