export function resolveRunner(repository, { cache, namespace }) {
    const named = repository.spec.runner?.hostRef.name;
    if (named !== undefined) {
        const host = cache.get('Host', { namespace, name: named });
        return host ? { ok: true, host } : { ok: false, reason: 'HostNotFound', message: `runner: Host ${namespace}/${named} (spec.runner.hostRef) does not exist` };
    }
    const hosts = cache.byIndex('Host', 'repository', repository.metadata.name);
    const [only] = hosts;
    if (!only)
        return { ok: false, reason: 'NoHost', message: 'no host uses this repository yet' };
    if (hosts.length > 1)
        return { ok: false, reason: 'RunnerRequired', message: `${hosts.length} hosts share this repository: name the one that looks after it in spec.runner.hostRef` };
    return { ok: true, host: only };
}
//# sourceMappingURL=runner.js.map