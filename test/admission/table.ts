/** The rule table: the rows of every kind, those common to all first. */
import type { CrdKind } from './objects.js';
import type { Row } from './row.js';
import { commonRows } from './rows/conditions.js';
import { enrollmentRequestRows } from './rows/enrollmentRequest.js';
import { hostRows } from './rows/host.js';
import { repositoryRows } from './rows/repository.js';
import { resticJobRows } from './rows/resticJob.js';
import { scheduleRows } from './rows/schedule.js';
import { sourceGroupRows } from './rows/sourceGroup.js';

const own: Record<CrdKind, Row[]> = {
  EnrollmentRequest: enrollmentRequestRows, Host: hostRows, Repository: repositoryRows, ResticJob: resticJobRows, Schedule: scheduleRows, SourceGroup: sourceGroupRows,
};

export const rowTable = Object.fromEntries(Object.entries(own).map(([kind, rows]) => [kind, [...commonRows, ...rows]])) as Record<CrdKind, Row[]>;
