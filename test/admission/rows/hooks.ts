/** What admission says to hooks, which a Host and a SourceGroup have alike. */
import { field, SECRET_NAME } from '../row.js';
import type { Row } from '../row.js';

/** @param path e.g. `spec.hooks` */
export const hookRows = (path: string): Row[] => [
  ...field(path, 'object'),
  ...['pre', 'post'].map((phase) => `${path}.${phase}`).flatMap((at) => [
    ...field(at, 'object'),
    ...field(`${at}.secretKeyRef`, 'object', { required: true }),
    ...field(`${at}.secretKeyRef.name`, 'string', { required: true, maxLength: 253, notEmpty: true, pattern: SECRET_NAME }),
    ...field(`${at}.secretKeyRef.key`, 'string', { required: true, maxLength: 253, notEmpty: true, pattern: '^[-._a-zA-Z0-9]+$', bad: 'a b' }),
  ]),
  ...field(`${path}.timeoutSeconds`, 'integer', { minimum: 1, maximum: 86400 }),
];
