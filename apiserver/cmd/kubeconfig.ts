/** admin.kubeconfig: how kubectl on this machine reaches the server, rewritten at each start with the real address. */
import { X509Certificate } from 'node:crypto';
import { dump } from 'js-yaml';
import type { ServerCertificate } from './certificates.js';

export interface KubeconfigInput {
  /** `127.0.0.1:8443` */
  address: string;
  certificate: ServerCertificate;
  namespace: string;
  token: string;
}

export function kubeconfigText({ address, certificate, namespace, token }: KubeconfigInput): string {
  const name = 'restic-manager';
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: `https://${address}`, ...trust(certificate) } }],
    contexts: [{ name, context: { cluster: name, namespace, user: 'system:admin' } }],
    users: [{ name: 'system:admin', user: { token } }],
  });
}

/** Our CA, or what makes an own certificate acceptable for a loopback address: its name, and itself when no CA signed it. */
function trust({ ca, cert }: ServerCertificate): Record<string, string> {
  if (ca !== undefined) return { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const leaf = new X509Certificate(cert);
  const dns = /DNS:([^,\s]+)/.exec(leaf.subjectAltName ?? '')?.[1];
  return {
    ...(dns === undefined ? {} : { 'tls-server-name': dns.replace(/^\*\./, 'www.') }),
    ...(leaf.checkIssued(leaf) ? { 'certificate-authority-data': Buffer.from(cert).toString('base64') } : {}),
  };
}
