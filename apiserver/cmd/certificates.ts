/**
 * The certificate of the HTTPS listener: an own one (RM_TLS_CERT), or a server certificate under a CA made on first start.
 * The CA stays, because kubeconfigs and agents' pins rest on it; the server certificate is made anew when its names or time run out.
 */
import { createHash, createPublicKey, webcrypto, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { writeAtomic } from './atomicFile.js';

export interface ServerCertificate {
  /** PEM: the server's certificate, then its chain. */
  cert: string;
  key: string;
  /** PEM of the CA we made; absent with an own certificate. */
  ca?: string;
  /** SHA-256 of the CA's SubjectPublicKeyInfo, base64: what agents may pin; absent with an own certificate. */
  caPin?: string;
}

const DAY_MS = 86_400_000;
const RENEW_BEFORE_MS = 30 * DAY_MS;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** @throws Error naming the file that cannot be used */
export async function loadCertificate(dataDir: string, options: { own?: { certFile: string; keyFile: string }; names?: readonly string[]; now: number }): Promise<ServerCertificate> {
  if (options.own) return ownCertificate(options.own);
  const directory = join(dataDir, 'tls');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const ca = await pair(directory, 'ca', async () => makeCa(options.now), () => true);
  const names = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...options.names ?? []])].filter((name) => name !== '');
  const caCert = new X509Certificate(ca.cert);
  const server = await pair(directory, 'server', async () => makeServer(ca, names, options.now), (cert) =>
    cert.checkIssued(caCert) && Date.parse(cert.validTo) - options.now > RENEW_BEFORE_MS && names.every((name) => covers(cert, name)));
  const spki = caCert.publicKey.export({ type: 'spki', format: 'der' });
  return { cert: server.cert + ca.cert, key: server.key, ca: ca.cert, caPin: createHash('sha256').update(spki).digest('base64') };
}

/** SHA-256 of a certificate as browsers show it. */
export function fingerprintOfCertificate(pem: string): string {
  return new X509Certificate(pem).fingerprint256;
}

interface Pair { cert: string; key: string }

async function ownCertificate({ certFile, keyFile }: { certFile: string; keyFile: string }): Promise<ServerCertificate> {
  const cert = await readNamed('RM_TLS_CERT', certFile);
  const key = await readNamed('RM_TLS_KEY', keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new Error(`RM_TLS_CERT ${certFile} and RM_TLS_KEY ${keyFile} cannot be used together: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return { cert, key };
}

async function readNamed(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${name}: ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The pair in the directory, or a new one when it is not there or `isGood` says no. */
async function pair(directory: string, name: string, make: () => Promise<Pair>, isGood: (cert: X509Certificate) => boolean): Promise<Pair> {
  const certFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  if (existsSync(certFile) && existsSync(keyFile)) {
    const found = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
    try {
      const certificate = new X509Certificate(found.cert);
      if (createPublicKey(found.key).equals(certificate.publicKey) && isGood(certificate)) return found;
    } catch (error) {
      if (name === 'ca') throw new Error(`${certFile} or ${keyFile} is damaged: restore both, or remove both to begin with a new CA (agents that pin the old one must be told)`, { cause: error });
    }
  }
  const made = await make();
  await writeAtomic(keyFile, made.key);
  await writeAtomic(certFile, made.cert, 0o644);
  return made;
}

function covers(cert: X509Certificate, name: string): boolean {
  return (isAddress(name) ? cert.checkIP(name) : cert.checkHost(name)) !== undefined;
}

const isAddress = (name: string): boolean => /^[0-9.]+$/.test(name) || name.includes(':');

/** Loaded only when a certificate is made: most starts make none. */
async function x509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  const library = await import('@peculiar/x509');
  library.cryptoProvider.set(webcrypto);
  return library;
}

async function makeCa(now: number): Promise<Pair> {
  const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } = await x509();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=restic-manager CA', notBefore: new Date(now - DAY_MS), notAfter: new Date(now + 3650 * DAY_MS), signingAlgorithm: ALGORITHM, keys: keys,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
}

async function makeServer(ca: Pair, names: readonly string[], now: number): Promise<Pair> {
  const library = await x509();
  const issuer = new library.X509Certificate(ca.cert);
  const der = Buffer.from(ca.key.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const cert = await library.X509CertificateGenerator.create({
    subject: 'CN=restic-manager', issuer: issuer.subject, notBefore: new Date(now - DAY_MS), notAfter: new Date(now + 397 * DAY_MS), signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey, signingKey: signingKey,
    extensions: [
      new library.BasicConstraintsExtension(false, undefined, true),
      new library.KeyUsagesExtension(library.KeyUsageFlags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([library.ExtendedKeyUsage.serverAuth]),
      new library.SubjectAlternativeNameExtension(names.map((name) => ({ type: isAddress(name) ? 'ip' : 'dns', value: name }))),
      await library.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
    ],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replaceAll(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
