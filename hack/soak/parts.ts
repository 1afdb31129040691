/** What a soak consists of. A unit is one mocha process that is worth something by itself: a run may be stopped after each. */
export interface Unit { id: string; part: string; files: readonly string[]; env: Record<string, string> }

interface Part { name: string; what: string; units: number; files: readonly string[]; /** @param serial of the unit, from 1 */ env(serial: number): Record<string, string> }

/** Seeds differ by unit and by day; a failing one is printed by fast-check. */
const seed = (serial: number): Record<string, string> => ({ RM_TEST_SEED: String(Math.floor(Date.now() / 86_400_000) * 100 + serial) });

export const parts: readonly Part[] = [
  { name: 'network', what: 'silence, loss and half-open connections in real time', units: 1, files: ['test/soak/silence.test.ts'], env: () => ({}) },
  { name: 'outage', what: 'minutes without a server, a schedule each minute', units: 1, files: ['test/soak/outage.test.ts'], env: () => ({ RM_TEST_MINUTES: '4' }) },
  { name: 'proxies', what: 'proxies that end connections after 10 or 20 s of silence, at 7 or 15 s of age', units: 2, files: ['test/integration/network/proxies.test.ts'], env: (serial) => ({ RM_TEST_SCALE: serial === 1 ? '2.5' : '5' }) },
  { name: 'agent-kills', what: '100 times kill -9 of the agent during jobs', units: 10, files: ['test/integration/network/agentKills.test.ts'], env: () => ({ RM_TEST_RUNS: '10' }) },
  { name: 'server-kills', what: '100 times kill -9 of the server under write load', units: 10, files: ['test/soak/serverKills.test.ts'], env: () => ({ RM_TEST_RUNS: '10' }) },
  { name: 'properties', what: 'plans through outages, jobs through any order of events', units: 6, files: ['agent/cron/outages.test.ts', 'test/integration/survivalOrder.test.ts'], env: (serial) => ({ RM_TEST_RUNS: '50', ...seed(serial) }) },
  { name: 'fleet', what: 'two thousand agents that go and come back together', units: 1, files: ['test/integration/fleet.test.ts'], env: () => ({ RM_TEST_HOSTS: '2000' }) },
  { name: 'month', what: 'a month of schedules on a faked clock', units: 1, files: ['agent/cron/month.test.ts'], env: () => ({}) },
];

/** The units of these parts (none named: of all), the first of each first, so that a run that is cut short has seen something of each. */
export function unitsOf(names: readonly string[]): Unit[] {
  const chosen = parts.filter(({ name }) => names.length === 0 || names.includes(name));
  const units = chosen.flatMap(({ name, units: count, files, env }) => Array.from({ length: count }, (_, index) => ({ part: name, id: `${name}-${String(index + 1)}`, files, env: env(index + 1), at: index / count })));
  return units.sort((a, b) => a.at - b.at).map(({ at, ...unit }) => unit);
}
