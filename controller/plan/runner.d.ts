/** The runner of a repository: the host that initialises and looks after it. Default its only host; must be named once two share it. */
import type { Host, Repository } from '#crds/kinds.js';
import type { Stored } from '#crds/meta.js';
import type { Cache } from '../runtime/types.js';
export type Runner = {
    ok: true;
    host: Stored<Host>;
} | {
    ok: false;
    reason: 'NoHost' | 'HostNotFound' | 'RunnerRequired';
    message: string;
};
export declare function resolveRunner(repository: Stored<Repository>, { cache, namespace }: {
    cache: Cache;
    namespace: string;
}): Runner;
