/**
 * `npm run bench -- api|start|agent|fleet|logs|footprint [flags]`: measurements, never a test. Flags set the sizes; without them they
 * are those the goals are stated for. Anything else the machine does is part of the result: run it on a quiet one.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../hack/lib/step.js';
import { benchAgent } from './agent.js';
import { benchApi } from './api.js';
import { benchFleet } from './fleet.js';
import { benchFootprint } from './footprint.js';
import { benchLogs } from './logs.js';
import { benchStart } from './start.js';

const USAGE = `usage: npm run bench -- api [--hosts 10000] [--clients 32] [--slices 10] [--watchers 50] [--no-whole]
       npm run bench -- start [--hosts 10000] [--jobs 100000] [--times 3]
       npm run bench -- agent [--files 5000] [--megabytes 2048] [--firsts 5] [--unchanged 20]
       npm run bench -- fleet [--agents 2000] [--runs 200]
       npm run bench -- logs [--lines 1000000] [--senders 100] [--batch 20] [--turns 4]
       npm run bench -- footprint [--windows 3] [--times 3]
For a quick look: npm run bench -- api --hosts 500 --slices 2 --no-whole
                  npm run bench -- agent --files 500 --megabytes 100 --firsts 2 --unchanged 6`;

const sizes = { hosts: '10000', clients: '32', slices: '10', watchers: '50', jobs: '100000', times: '3', files: '5000', megabytes: '2048', firsts: '5', unchanged: '20', windows: '3', agents: '2000', runs: '200', lines: '1000000', senders: '100', batch: '20', turns: '4' };
type Size = keyof typeof sizes;

try {
  const names = Object.keys(sizes) as Size[];
  const { positionals, values } = parseArgs({
    allowPositionals: true, allowNegative: true,
    options: { ...Object.fromEntries(names.map((name) => [name, { type: 'string', default: sizes[name] }])) as Record<Size, { type: 'string'; default: string }>, whole: { type: 'boolean', default: true } },
  });
  const number = (name: Size): number => {
    if (!/^[1-9]\d{0,6}$/.test(values[name])) throw new Error(`--${name} ${values[name]}: a whole number is expected\n${USAGE}`);
    return Number(values[name]);
  };
  const [what] = positionals;
  if (what === 'api') await benchApi({ hosts: number('hosts'), clients: number('clients'), slices: number('slices'), watchers: number('watchers'), whole: values.whole });
  else if (what === 'start') await benchStart({ hosts: number('hosts'), jobs: number('jobs'), times: number('times') });
  else if (what === 'agent') await benchAgent({ files: number('files'), megabytes: number('megabytes'), firsts: number('firsts'), unchanged: number('unchanged') });
  else if (what === 'fleet') await benchFleet({ agents: number('agents'), runs: number('runs') });
  else if (what === 'logs') await benchLogs({ lines: number('lines'), jobs: number('senders'), batch: number('batch'), turns: number('turns') });
  else if (what === 'footprint') await benchFootprint({ windows: number('windows'), times: number('times') });
  else throw new Error(USAGE);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
