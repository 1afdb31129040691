/** Routes that were and are no more: 410 with a pointer, for scripts that still call them. */
import { Problem } from './problem.js';
import { route, type Route, type RouteTable } from './route.js';

const gone = (successor: string): Route => route({ may: 'public' }, () => { throw new Problem(410, 'gone', `this route is retired: use ${successor}`, { details: { successor } }); });
const runBackup = gone('POST /api/hosts/{id}/source-groups/{gid}/run');
const initRepository = gone('POST /api/hosts/{id}/repo/reinit');

export const retired: RouteTable = {
  'POST /hosts/:retired/run-backup': runBackup,
  'POST /api/hosts/:retired/run-backup': runBackup,
  'POST /hosts/:retired/init-repo': initRepository,
  'POST /api/hosts/:retired/init-repo': initRepository,
};
