import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Scratch } from '../test/builders/agentParts.js';
import { readConfig } from './config.js';

const problemsOf = async (env: NodeJS.ProcessEnv): Promise<string> => readConfig(env).then(() => '', (error: unknown) => (error as Error).message);

describe('agent configuration', () => {
  const scratch = new Scratch();
  afterEach(async () => scratch.clean());

  it('has defaults for everything', async () => {
    expect(await readConfig({})).to.deep.include({ stateDir: '/var/lib/restic-manager', restic: 'restic', logLevel: 'info', allowPlaintext: false, policy: { hooks: 'server', inPlaceRestore: true, updates: true }, environment: {}, server: undefined, pins: [] });
  });

  it('ignores the names of the server and of Kubernetes service links, and refuses others with the nearest name', async () => {
    expect(await problemsOf({ RM_LISTEN: ':8080', RM_DATA_DIR: '/data', RM_WEB_SERVICE_HOST: '10.0.0.1', RM_WEB_PORT_80_TCP: 'x', PATH: '/bin' })).to.equal('');
    expect(await problemsOf({ RM_HOSTNAM: 'x' })).to.equal('RM_HOSTNAM is not a setting; the nearest is RM_HOSTNAME');
  });

  it('tells every problem at once, naming the variable', async () => {
    expect((await problemsOf({ RM_LOG_LEVEL: 'loud', RM_SERVER_CERT_PIN_SHA256: 'abc', RM_AGENT_CONFIG: '/nowhere/agent.yaml' })).split('\n').map((line) => line.split(':')[0])).to.deep.equal(['RM_LOG_LEVEL', 'RM_SERVER_CERT_PIN_SHA256', 'RM_AGENT_CONFIG']);
  });

  it('takes agent.yaml into the configuration, and its problems among the others', async () => {
    const path = join(await scratch.dir('config'), 'agent.yaml');
    await writeFile(path, 'allowPlaintext: true\npolicy: {hooks: off}\nenvironment: {HTTPS_PROXY: "http://proxy:3128"}\n');
    expect(await readConfig({ RM_AGENT_CONFIG: path })).to.deep.include({ allowPlaintext: true, policy: { hooks: 'off', inPlaceRestore: true, updates: true }, environment: { HTTPS_PROXY: 'http://proxy:3128' } });
    await writeFile(path, 'allowPlaintext: 1\n');
    expect((await problemsOf({ RM_AGENT_CONFIG: path, RM_LOG_LEVEL: 'loud' })).split('\n')).to.have.length(2);
  });
});
