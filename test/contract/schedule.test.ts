import { nextFire as agentNext } from '#agent/cron/nextFire.js';
import { nextFire as controllerNext } from '#controller/runtime/cron.js';
import { scheduleSuite } from './scheduleVectors.js';

scheduleSuite('the agent', agentNext);
scheduleSuite('the controller', controllerNext);
