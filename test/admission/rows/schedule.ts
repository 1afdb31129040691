/** What admission says to a Schedule: a line a field, then the rules. */
import { field, gone, LABEL } from '../row.js';
import type { Row } from '../row.js';

const CRON = '^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$';

export const scheduleRows: Row[] = [
  ...field('spec', 'object', { required: true }),
  ...field('spec.schedule', 'string', { required: true, maxLength: 256, notEmpty: true, pattern: CRON }),
  ...field('spec.timeZone', 'string', { maxLength: 64, notEmpty: true, pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$' }),
  ...field('spec.suspend', 'boolean'),
  ...field('spec.sourceGroupRefs', 'array', { required: true, minItems: 1, maxItems: 64, item: (index) => ({ name: `a${index}` }), twice: '{"name":"a0"}' }),
  ...field('spec.sourceGroupRefs.0', 'object'),
  ...field('spec.sourceGroupRefs.0.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('spec.jitter', 'string', { maxLength: 16, pattern: '^([0-9]+(s|m|h))+$' }),
  ...field('spec.catchUp', 'object'),
  ...field('spec.catchUp.enabled', 'boolean'),
  ...field('spec.catchUp.settleSeconds', 'integer', { minimum: 0, maximum: 86400 }),
  ...field('spec.blackout', 'array', { maxItems: 16, item: () => ({ from: '08:00', to: '18:00' }) }),
  ...field('spec.blackout.0', 'object'),
  ...field('spec.blackout.0.from', 'string', { required: true, maxLength: 5, pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
  ...field('spec.blackout.0.to', 'string', { required: true, maxLength: 5, pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
  ...field('spec.blackout.0.timeZone', 'string', { maxLength: 64, notEmpty: true, pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$' }),
  ...field('spec.startingDeadlineSeconds', 'integer', { minimum: 1, maximum: 31536000 }),
  ...field('spec.successfulJobsHistoryLimit', 'integer', { minimum: 0, maximum: 100 }),
  ...field('spec.failedJobsHistoryLimit', 'integer', { minimum: 0, maximum: 100 }),
  ...field('status.hosts', 'object'),
  ...field('status.hosts.matched', 'integer', { minimum: 0 }),
  ...field('status.hosts.synced', 'integer', { minimum: 0 }),
  ...field('status.groups', 'string', { maxLength: 1024 }),
  ...field('status.lastRunTime', 'string', { dateTime: true }),
  ...field('status.lastRunResult', 'string', { enum: ['Succeeded', 'Partial', 'Failed', 'Cancelled'] }),
  ...field('status.nextRun', 'string', { maxLength: 64 }),
  ...field('status.observedGeneration', 'integer'),

  { why: 'refused here, accepted by a cluster', on: 'create', change: { 'spec.schedule': '61 * * * *' }, says: 'spec.schedule: Invalid value: "61 * * * *": is not a cron expression: minute 61 is outside 0-59' },
  { why: 'refused here, accepted by a cluster', on: 'update', change: { 'spec.timeZone': 'Europe/Atlantis' }, says: 'spec.timeZone: Invalid value: "Europe/Atlantis": is not an IANA time zone name such as Europe/Berlin' },
  { why: 'refused here, accepted by a cluster', on: 'update', change: { 'spec.blackout.0.timeZone': 'Mars/Olympus' }, says: 'spec.blackout[0].timeZone: Invalid value: "Mars/Olympus": is not an IANA time zone name such as Europe/Berlin' },
  { on: 'create', change: { 'spec.blackout.0.to': '22:00' }, says: 'spec.blackout[0]: Invalid value: "object": from and to are the same time' },
  { on: 'create', change: { 'spec.schedule': '0 0 1 * * *' }, says: `spec.schedule: Invalid value: "0 0 1 * * *": spec.schedule in body should match '${CRON}'` },
  { on: 'create', change: { 'spec.schedule': '@hourly', 'spec.timeZone': gone }, says: 'accepted' },
];
