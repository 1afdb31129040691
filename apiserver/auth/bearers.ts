/** Agent bearers: random 256 bit, SHA-256 at rest in a Secret that the Host owns. A bearer works for its own Host only. */
import { randomBytes } from 'node:crypto';
import { API_VERSION, labels } from '#crds/kinds.js';
import { equalText, hashOf } from './constantTime.js';
import type { Identity } from './identity.js';
import type { SecretBox } from './secrets.js';

export function createBearers(secrets: SecretBox, namespace: string): Pick<Identity, 'agentByBearer' | 'issueBearer'> {
  const nameOf = (hash: string): string => `bearer-${hash.slice(0, 32)}`;

  return {
    async agentByBearer(bearer) {
      const token = bearer?.replace(/^Bearer +/i, '').trim();
      if (token === undefined || token === '' || token.length > 256) return undefined;
      const hash = hashOf(token);
      const secret = await secrets.get(nameOf(hash));
      if (!secret || !equalText(secret.data['hash'] ?? '', hash)) return undefined;
      const { host = '', hostUid = '' } = secret.data;
      return host === '' || hostUid === '' ? undefined : { host: { namespace, name: host }, hostUid };
    },
    async issueBearer({ metadata: { name, uid } }) {
      const earlier = await secrets.list('bearer', { [labels.host]: name });
      const token = `rma_${randomBytes(32).toString('base64url')}`;
      const hash = hashOf(token);
      await secrets.create({
        name: nameOf(hash), use: 'bearer', labels: { [labels.host]: name }, data: { hash, host: name, hostUid: uid },
        owner: { apiVersion: API_VERSION, kind: 'Host', name, uid },
      });
      for (const secret of earlier) await secrets.remove(secret);
      return token;
    },
  };
}
