/** The tools that tests and the quickstart need, each pinned. `modules/<name>` holds the Go module that builds it. */
export type ToolName = 'restic' | 'restic-0.14' | 'rest-server' | 'kubectl' | ClusterToolName;
/** Only what runs against a real cluster wants these: `npm run test:cluster` and `npm run bench`. */
export type ClusterToolName = 'etcd' | 'kube-apiserver' | 'kubectl-1.31' | 'helm';
export const clusterTools: readonly ClusterToolName[] = ['etcd', 'kube-apiserver', 'kubectl-1.31', 'helm'];

export interface Tool {
  name: ToolName;
  /** What `go build` produces; `modules/<name>/go.mod` pins the same. */
  version: string;
  /** The program looked for on PATH, the arguments that make it print its version, and which versions will do. */
  onPath: string; versionArgs: string[]; accepts(version: string): boolean; accepted: string;
  goPackage: string; ldflags: string; buildSeconds: string;
  /** A distribution package that carries exactly the wanted version: unpacked, never installed. */
  debian?: string;
}

/** Compares dotted numbers: true when `version` is `minimum` or newer. */
export function atLeast(version: string, minimum: string): boolean {
  const [a, b] = [version, minimum].map((text) => text.split('.').map(Number));
  for (let index = 0; index < (b?.length ?? 0); index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

export const tools: readonly Tool[] = [
  {
    name: 'restic', version: '0.19.1', onPath: 'restic', versionArgs: ['version'], accepts: (version) => atLeast(version, '0.17.0'), accepted: '0.17 or newer',
    goPackage: 'github.com/restic/restic/cmd/restic', ldflags: '-s -w', buildSeconds: '1 to 2 minutes',
  },
  {
    // What long-lived distributions still ship: the product must work with both ends of the range.
    name: 'restic-0.14', version: '0.14.0', onPath: 'restic', versionArgs: ['version'], accepts: (version) => version.startsWith('0.14.'), accepted: '0.14',
    debian: 'restic', goPackage: 'github.com/restic/restic/cmd/restic', ldflags: '-s -w', buildSeconds: 'about a minute',
  },
  {
    name: 'rest-server', version: '0.14.0', onPath: 'rest-server', versionArgs: ['--version'], accepts: (version) => atLeast(version, '0.13.0'), accepted: '0.13 or newer',
    goPackage: 'github.com/restic/rest-server/cmd/rest-server', ldflags: '-s -w', buildSeconds: 'about 10 seconds',
  },
  {
    name: 'kubectl', version: '1.34.2', onPath: 'kubectl', versionArgs: ['version', '--client'], accepts: (version) => atLeast(version, '1.29.0'), accepted: '1.29 or newer',
    goPackage: 'k8s.io/kubernetes/cmd/kubectl', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2', buildSeconds: '1 to 2 minutes',
  },
  {
    name: 'etcd', version: '3.6.6', onPath: 'etcd', versionArgs: ['--version'], accepts: (version) => atLeast(version, '3.5.0'), accepted: '3.5 or newer',
    goPackage: 'go.etcd.io/etcd/server/v3', ldflags: '-s -w', buildSeconds: 'about half a minute',
  },
  {
    // Its wording is what the parity suite compares with: exactly this minor.
    name: 'kube-apiserver', version: '1.34.2', onPath: 'kube-apiserver', versionArgs: ['--version'], accepts: (version) => version.startsWith('1.34.'), accepted: '1.34',
    goPackage: 'k8s.io/kubernetes/cmd/kube-apiserver', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2', buildSeconds: '3 to 6 minutes',
  },
  {
    // A second minor: what people have installed is rarely the newest.
    name: 'kubectl-1.31', version: '1.31.4', onPath: 'kubectl', versionArgs: ['version', '--client'], accepts: (version) => version.startsWith('1.31.'), accepted: '1.31',
    goPackage: 'k8s.io/kubernetes/cmd/kubectl', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.31.4', buildSeconds: '1 to 2 minutes',
  },
  {
    name: 'helm', version: '3.19.2', onPath: 'helm', versionArgs: ['version', '--short'], accepts: (version) => version.startsWith('3.') && atLeast(version, '3.14.0'), accepted: '3.14 or newer',
    goPackage: 'helm.sh/helm/v3/cmd/helm', ldflags: '-s -w -X helm.sh/helm/v3/internal/version.version=v3.19.2', buildSeconds: 'about a minute',
  },
];
