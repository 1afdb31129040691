/** Real kubectl with the server's own kubeconfig. */
import { run } from '../lib/exec.js';
import { toolPath } from '../tools/paths.js';
import { ownEnvironment } from './children.js';

export class Kubectl {
  readonly #kubeconfig: string;
  readonly #home: string;
  /** @param home where kubectl keeps its discovery cache */
  constructor(kubeconfig: string, home: string) {
    this.#kubeconfig = kubeconfig;
    this.#home = home;
  }

  async run(...args: string[]): Promise<string> {
    return (await run(toolPath('kubectl'), args, { env: ownEnvironment({ KUBECONFIG: this.#kubeconfig, HOME: this.#home }), timeoutMs: 180_000 })).stdout.trim();
  }

  /** Waits for a condition; when it does not come, the error carries what `describe` says. */
  async waitFor(object: string, condition: string, seconds: number): Promise<void> {
    try {
      await this.run('wait', `--for=${condition}`, object, `--timeout=${seconds}s`);
    } catch (error) {
      const described = await this.run('describe', object).catch(() => '');
      throw new Error(`${object}: no ${condition} within ${seconds} s\n${error instanceof Error ? error.message : ''}\n${described.split('\n').slice(-60).join('\n')}`, { cause: error });
    }
  }
}
