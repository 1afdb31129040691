/** The product's role table as RBAC objects, for users of the test cluster: path and body of each, in order. */
import { rulesOf } from '#apiserver/auth/roles.js';

const group = 'rbac.authorization.k8s.io';

export function clusterRoles(): [path: string, body: unknown][] {
  return (['viewer', 'operator'] as const).flatMap((role): [string, unknown][] => [
    [`/apis/${group}/v1/clusterroles`, {
      apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name: `restic-manager:${role}` },
      rules: rulesOf(role).map(({ groups, resources, verbs }) => ({ apiGroups: groups, resources, verbs })),
    }],
    [`/apis/${group}/v1/clusterrolebindings`, {
      apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name: `restic-manager:${role}` },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: `restic-manager:${role}` }, subjects: [{ apiGroup: group, kind: 'Group', name: `restic-manager:${role}` }],
    }],
  ]);
}
