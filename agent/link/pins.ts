/**
 * TLS by pin: the SHA-256 of a certificate's SPKI, given with the install command, replaces the CAs. It may be any certificate
 * of the presented chain; but everybody can append a public certificate to a chain, so one above the leaf counts only when
 * each certificate below it is really signed by the next. A pinned authority that also signs for others (anything but a
 * self-signed one outside the public roots) holds only for the name that was dialled.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect, rootCertificates, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** SHA-256 of the certificate's SubjectPublicKeyInfo, lower-case hex. */
export function spkiPin(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
}

/** One pin as people write it (hex, with or without colons, or base64) as lower-case hex, or undefined. */
export function parsePin(text: string): string | undefined {
  const bare = text.trim().replace(/^sha256[:/]+/i, '');
  const hex = bare.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  const bytes = Buffer.from(bare, 'base64');
  return bytes.length === 32 && /^[A-Za-z0-9+/_-]{43}=?$/.test(bare) ? bytes.toString('hex') : undefined;
}

/** Why this chain is not the pinned server's, or undefined when it is. */
export function pinProblem(leaf: X509Certificate, host: string, pins: readonly string[]): string | undefined {
  for (const [depth, certificate] of verifiedChain(leaf).entries()) {
    if (!pins.includes(spkiPin(certificate))) continue;
    if (depth === 0 || isOwnAuthority(certificate)) return undefined;
    const wrongName = checkServerIdentity(host, leaf.toLegacyObject());
    if (!wrongName) return undefined;
  }
  return `the certificate of ${host} is not the pinned one (RM_SERVER_CERT_PIN_SHA256): somebody is in between, or the server got a new certificate`;
}

/** The leaf and its issuers as far as each signature holds. */
function verifiedChain(leaf: X509Certificate): X509Certificate[] {
  const chain = [leaf];
  for (let current = leaf; ;) {
    const issuer = current.issuerCertificate;
    if (!issuer || issuer.fingerprint256 === current.fingerprint256 || chain.length > 8) return chain;
    if (!issuer.ca || !current.checkIssued(issuer) || !current.verify(issuer.publicKey)) return chain;
    chain.push(issuer);
    current = issuer;
  }
}

function isOwnAuthority(certificate: X509Certificate): boolean {
  if (!certificate.checkIssued(certificate) || !certificate.verify(certificate.publicKey)) return false;
  return !rootCertificates.some((root) => new X509Certificate(root).fingerprint256 === certificate.fingerprint256);
}

/** An HTTPS agent that hands a socket out only after the pin was checked, so that no bearer ever reaches another server. */
export class PinnedAgent extends Agent {
  readonly #pins: readonly string[];

  constructor(pins: readonly string[], options: AgentOptions = {}) {
    super({ ...options, maxCachedSessions: 0 });
    this.#pins = pins;
  }

  override createConnection(options: ConnectionOptions & { host?: string }, callback?: (error: Error | null, stream: Duplex) => void): Duplex | null | undefined {
    const host = options.host ?? 'localhost';
    const socket: TLSSocket = connect({ ...options, servername: options.servername ?? (/^[0-9.]+$|:/.test(host) ? undefined : host), rejectUnauthorized: false });
    socket.once('error', (error) => { callback?.(error, socket); callback = undefined; });
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate();
      const problem = leaf ? pinProblem(leaf, host, this.#pins) : `${host} presented no certificate`;
      if (problem) socket.destroy(new Error(problem));
      else callback?.(null, socket);
      if (!problem) callback = undefined;
    });
    return undefined;
  }
}
