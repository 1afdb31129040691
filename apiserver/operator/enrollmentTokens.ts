/** One-shot tokens for new machines. */
import { addressOf } from '#controller/runtime/storageAddress.js';
import { nameFor, repositoryInput } from './adopt.js';
import { invalid } from './problem.js';
import { route, type RouteTable } from './route.js';
import * as shapes from './shapes.js';

const ABSOLUTE = /^(\/|[A-Za-z]:[\\/])/;

export const enrollmentTokens: RouteTable = {
  'POST /api/enrollment-tokens': route({ may: 'create enrollmenttokens', body: shapes.EnrollmentTokenInput, reply: shapes.EnrollmentTokenReply }, async ({ body, services, objects, principal }) => {
    const { hostname, tags = [], initial_paths: initialPaths = [] } = body;
    const name = nameFor(hostname);
    for (const [index, path] of initialPaths.entries()) if (!ABSOLUTE.test(path)) throw invalid(`initial_paths[${String(index)}]`, 'must be an absolute path');
    const repository = repositoryInput(body, objects);
    if (repository?.password === undefined && repository && objects.cache.byIndex('Repository', 'storage', addressOf(repository.url)).length === 0) throw invalid('repo_password', 'is required for a repository that is not known yet');
    const existing = await objects.find('Host', name);
    // The token takes a host over from its present agent.
    if (existing) objects.require('delete', 'Host', 'hostname');
    const { token, expiresAt } = await services.identity.mintEnrollmentToken({
      hostname, tags: [...new Set(tags)], initialPaths, mintedBy: { name: principal.name, role: principal.role, ...(principal.uid === undefined ? {} : { uid: principal.uid }) },
      ...(repository ? { repository } : {}), ...(existing ? { replacesHostUid: existing.metadata.uid } : {}),
    });
    services.log.info({ host: name, by: principal.name, expires: expiresAt }, 'enrolment token made');
    return { token, expires_at: expiresAt };
  }),
};
