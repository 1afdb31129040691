/** What admission says to any kind: its name and its conditions. */
import { goodObject } from '../objects.js';
import { field, gone, x } from '../row.js';
import type { Row } from '../row.js';

const condition = (goodObject('Host')['status'] as { conditions: unknown[] }).conditions[0];
const LABEL_RULE = "<nil>: Invalid value: \"object\": metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')";

export const commonRows: Row[] = [
  { on: 'create', change: {}, says: 'accepted' },
  { on: 'update', change: {}, says: 'accepted' },
  { on: 'status', change: {}, says: 'accepted' },
  { on: 'create', change: { 'metadata.name': 'web.1' }, says: LABEL_RULE },
  { on: 'create', change: { 'metadata.name': x(64) }, says: LABEL_RULE },
  { on: 'create', change: { 'metadata.name': gone }, says: 'metadata.name: Required value: name or generateName is required' },
  ...field('status.conditions', 'array', { maxItems: 16, item: () => condition, twice: '{"type":"Ready"}' }),
  ...field('status.conditions.0', 'object'),
  ...field('status.conditions.0.type', 'string', { required: true, maxLength: 316 }),
  ...field('status.conditions.0.status', 'string', { required: true, enum: ['True', 'False', 'Unknown'] }),
  ...field('status.conditions.0.observedGeneration', 'integer', { minimum: 0 }),
  ...field('status.conditions.0.lastTransitionTime', 'string', { required: true, dateTime: true }),
  ...field('status.conditions.0.reason', 'string', { required: true, maxLength: 1024, notEmpty: true }),
  ...field('status.conditions.0.message', 'string', { required: true, maxLength: 32768 }),
];
