/** The tools that tests and the quickstart need, each pinned. `modules/<name>` holds the Go module that builds it, if one does. */
export type ToolName = 'restic' | 'restic-0.14' | 'rest-server' | 'versitygw' | 'sshd' | 'kubectl' | ClusterToolName;
/** Only what runs against a real cluster wants these: `npm run test:cluster` and `npm run bench`. */
export type ClusterToolName = 'etcd' | 'kube-apiserver' | 'kubectl-1.31' | 'helm';
export const clusterTools: readonly ClusterToolName[] = ['etcd', 'kube-apiserver', 'kubectl-1.31', 'helm'];

export interface Tool {
  name: ToolName;
  /** The program looked for on PATH, the arguments that make it print its version, and which versions will do. */
  onPath: string; versionArgs: string[]; accepts(version: string): boolean; accepted: string;
  /** How it writes its version; a program that has such a way may end with an error after it. Default: three numbers, status 0. */
  versionPattern?: RegExp;
  /** `version` is what `go build` produces; `modules/<name>/go.mod` pins the same. */
  go?: { version: string; package: string; ldflags: string; takes: string };
  /** Packages of the distribution that carry a wanted version: unpacked, never installed. With libraries: run where they were unpacked. */
  debian?: { packages: string[]; binary: string; libraries?: string };
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
    name: 'restic', onPath: 'restic', versionArgs: ['version'], accepts: (version) => atLeast(version, '0.17.0'), accepted: '0.17 or newer',
    go: { version: '0.19.1', package: 'github.com/restic/restic/cmd/restic', ldflags: '-s -w', takes: '1 to 2 minutes' },
  },
  {
    // What long-lived distributions still ship: the product must work with both ends of the range.
    name: 'restic-0.14', onPath: 'restic', versionArgs: ['version'], accepts: (version) => version.startsWith('0.14.'), accepted: '0.14',
    debian: { packages: ['restic'], binary: 'usr/bin/restic' },
    go: { version: '0.14.0', package: 'github.com/restic/restic/cmd/restic', ldflags: '-s -w', takes: 'about a minute' },
  },
  {
    name: 'rest-server', onPath: 'rest-server', versionArgs: ['--version'], accepts: (version) => atLeast(version, '0.13.0'), accepted: '0.13 or newer',
    go: { version: '0.14.0', package: 'github.com/restic/rest-server/cmd/rest-server', ldflags: '-s -w', takes: 'about 10 seconds' },
  },
  {
    // A real S3 server: the back end most repositories away from home live on.
    name: 'versitygw', onPath: 'versitygw', versionArgs: ['--version'], accepts: (version) => atLeast(version, '1.4.0'), accepted: '1.4 or newer',
    go: { version: '1.8.0', package: 'github.com/versity/versitygw/cmd/versitygw', ldflags: '-s -w -X main.Version=v1.8.0', takes: '1 to 2 minutes' },
  },
  {
    // Run by tests on a port and with keys of their own. libwrap0 is the one library of it that is not on every machine.
    name: 'sshd', onPath: 'sshd', versionArgs: ['-V'], versionPattern: /OpenSSH_(\d+\.\d+)/, accepts: (version) => atLeast(version, '8.0'), accepted: '(OpenSSH) 8.0 or newer',
    debian: { packages: ['openssh-server', 'libwrap0'], binary: 'usr/sbin/sshd', libraries: 'usr/lib' },
  },
  {
    name: 'kubectl', onPath: 'kubectl', versionArgs: ['version', '--client'], accepts: (version) => atLeast(version, '1.29.0'), accepted: '1.29 or newer',
    go: { version: '1.34.2', package: 'k8s.io/kubernetes/cmd/kubectl', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2', takes: '1 to 2 minutes' },
  },
  {
    name: 'etcd', onPath: 'etcd', versionArgs: ['--version'], accepts: (version) => atLeast(version, '3.5.0'), accepted: '3.5 or newer',
    go: { version: '3.6.6', package: 'go.etcd.io/etcd/server/v3', ldflags: '-s -w', takes: 'about half a minute' },
  },
  {
    // Its wording is what the parity suite compares with: exactly this minor.
    name: 'kube-apiserver', onPath: 'kube-apiserver', versionArgs: ['--version'], accepts: (version) => version.startsWith('1.34.'), accepted: '1.34',
    go: { version: '1.34.2', package: 'k8s.io/kubernetes/cmd/kube-apiserver', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2', takes: '3 to 6 minutes' },
  },
  {
    // A second minor: what people have installed is rarely the newest.
    name: 'kubectl-1.31', onPath: 'kubectl', versionArgs: ['version', '--client'], accepts: (version) => version.startsWith('1.31.'), accepted: '1.31',
    go: { version: '1.31.4', package: 'k8s.io/kubernetes/cmd/kubectl', ldflags: '-s -w -X k8s.io/component-base/version.gitVersion=v1.31.4', takes: '1 to 2 minutes' },
  },
  {
    name: 'helm', onPath: 'helm', versionArgs: ['version', '--short'], accepts: (version) => version.startsWith('3.') && atLeast(version, '3.14.0'), accepted: '3.14 or newer',
    go: { version: '3.19.2', package: 'helm.sh/helm/v3/cmd/helm', ldflags: '-s -w -X helm.sh/helm/v3/internal/version.version=v3.19.2', takes: 'about a minute' },
  },
];
