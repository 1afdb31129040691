/** What admission says to a EnrollmentRequest: a line a field, then the rules. */
import { field, LABEL } from '../row.js';
import type { Row } from '../row.js';

export const enrollmentRequestRows: Row[] = [
  ...field('spec', 'object', { required: true }),
  ...field('spec.hostname', 'string', { required: true, maxLength: 253, notEmpty: true }),
  ...field('spec.os', 'string', { required: true, enum: ['linux', 'windows'] }),
  ...field('spec.arch', 'string', { required: true, enum: ['amd64', 'arm64'] }),
  ...field('spec.agentVersion', 'string', { maxLength: 64 }),
  ...field('spec.resticVersion', 'string', { maxLength: 64 }),
  ...field('spec.publicKey', 'string', { required: true, maxLength: 44, pattern: '^[A-Za-z0-9+/]{43}=$' }),
  ...field('spec.denied', 'boolean'),
  ...field('status.phase', 'string', { enum: ['Pending', 'Enrolled', 'Denied', 'Expired'] }),
  ...field('status.fingerprint', 'string', { maxLength: 50, pattern: '^SHA256:[A-Za-z0-9+/]{43}$' }),
  ...field('status.sourceIP', 'string', { maxLength: 64 }),
  ...field('status.hostnameCollision', 'boolean'),
  ...field('status.expiresTime', 'string', { dateTime: true }),
  ...field('status.hostRef', 'object'),
  ...field('status.hostRef.name', 'string', { required: true, maxLength: 63, notEmpty: true, pattern: LABEL }),
  ...field('status.observedGeneration', 'integer'),

  { on: 'update', change: { 'spec.publicKey': `${'B'.repeat(43)}=` }, says: 'spec: Invalid value: "object": only denied may change' },
  { on: 'update', change: { 'spec.hostname': 'other' }, says: 'spec: Invalid value: "object": only denied may change' },
  { on: 'update', change: { 'spec.os': 'windows' }, says: 'spec: Invalid value: "object": only denied may change' },
  { on: 'update', change: { 'spec.arch': 'arm64' }, says: 'spec: Invalid value: "object": only denied may change' },
  { on: 'update', change: { 'spec.denied': true }, says: 'accepted' },
];
