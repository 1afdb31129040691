/**
 * The same kubectl commands against the standalone server and a real kube-apiserver, with two minors of kubectl: output, error output
 * and exit code are equal after masking what must differ, except the steps listed in docs/decisions/differences.md (X1).
 */
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { startEngines, type Engines, type Kubectl, type Ran } from './engines.js';
import { isMeant, meantDifferences } from './parity/differences.js';
import { parityKinds } from './parity/manifests.js';
import { mask } from './parity/mask.js';
import { kindGroups, serverGroups, type Group, type Step } from './parity/steps.js';

const minors: Kubectl[] = ['kubectl', 'kubectl-1.31'];
const differences = meantDifferences('kubectl');

const shown = ({ code, stdout, stderr }: Ran): string => mask(`exit ${code}\n${stdout}${stderr === '' ? '' : `\n--- stderr\n${stderr}`}`);

describe('kubectl against both engines (X1)', function () {
  this.timeout(15 * 60_000);
  let engines: Engines;
  before(async () => {
    engines = await startEngines();
    await engines.file('edit-label.sh', `sed -i 's/^    team: one/    team: one\\n    edited: "yes"/' "$1"\n`);
    await engines.file('edit-nothing.sh', 'true\n');
    await engines.file('edit-uid.sh', `sed -i 's/^  name: .*/  name: renamed/' "$1"\n`);
  });
  after(() => engines.stop());

  /** Runs the steps on both engines; every difference is collected, so that one run shows them all. */
  async function compare(minor: Kubectl, steps: readonly Step[]): Promise<void> {
    const wrong: string[] = [];
    for (const { id, args, newSecond, ...options } of steps) {
      if (newSecond) await setTimeout(1000 - (Date.now() % 1000));
      const [standalone, cluster] = (await Promise.all(engines.both.map((engine) => engine.run(minor, args, options)))).map(shown);
      if (standalone !== cluster && !isMeant(differences, id)) wrong.push(`### ${id}: kubectl ${args.join(' ')}\n--- standalone: ${standalone}\n--- cluster: ${cluster}`);
    }
    if (wrong.length > 0) throw new Error(`${wrong.length} of ${steps.length} steps differ\n${wrong.join('\n')}`);
  }

  for (const minor of minors) {
    describe(minor, () => {
      const suite = (title: string, groups: readonly Group[]): void => {
        describe(title, () => {
          for (const group of groups) it(`${group.title} (${group.steps.length} steps)`, () => compare(minor, group.steps));
        });
      };
      suite('the server', serverGroups);
      for (const kind of parityKinds) suite(kind, kindGroups(kind));
    });
  }

  // A suite of its own, so that it comes after the others.
  describe('docs/decisions/differences.md', () => {
    it('lists no difference that is none', () => {
      expect(differences.filter(({ used }) => !used).map(({ text }) => text)).to.deep.equal([]);
    });
  });
});
