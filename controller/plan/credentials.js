/**
 * What a repository's Secret may hold and how it is read. Variables are on an exact allow-list: those that carry a value,
 * never one that names a program or a file. Sources: restic manual, "Preparing a new repository"; 20-resources.
 */
import { createHmac } from 'node:crypto';
import { SECRET_USE_LABEL } from '#crds/kinds.js';
import { canonicalJson } from '#crds/wire/frames.js';
const variables = new Set([
    'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION', 'AWS_REGION',
    'B2_ACCOUNT_ID', 'B2_ACCOUNT_KEY',
    'AZURE_ACCOUNT_NAME', 'AZURE_ACCOUNT_KEY', 'AZURE_ACCOUNT_SAS', 'AZURE_ENDPOINT_SUFFIX',
    'GOOGLE_PROJECT_ID', 'GOOGLE_ACCESS_TOKEN',
    'OS_AUTH_URL', 'OS_REGION_NAME', 'OS_USERNAME', 'OS_PASSWORD', 'OS_TENANT_ID', 'OS_TENANT_NAME', 'OS_USER_ID', 'OS_USER_DOMAIN_NAME', 'OS_USER_DOMAIN_ID',
    'OS_PROJECT_NAME', 'OS_PROJECT_DOMAIN_NAME', 'OS_PROJECT_DOMAIN_ID', 'OS_TRUST_ID', 'OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_NAME',
    'OS_APPLICATION_CREDENTIAL_SECRET', 'OS_STORAGE_URL', 'OS_AUTH_TOKEN',
    'ST_AUTH', 'ST_USER', 'ST_KEY',
    'RESTIC_REST_USERNAME', 'RESTIC_REST_PASSWORD',
]);
/** Reads the Secret a Repository names. Messages name Secret and key, never a value. */
export function resolveCredentials(repository, { cache, namespace }) {
    const { name } = repository.spec.credentialsSecretRef;
    const at = `Secret ${namespace}/${name}`;
    const secret = cache.get('Secret', { namespace, name });
    if (!secret)
        return { ok: false, reason: 'SecretNotFound', message: `${at} (spec.credentialsSecretRef) does not exist` };
    if (secret.metadata.labels?.[SECRET_USE_LABEL] !== 'repository')
        return { ok: false, reason: 'SecretNotLabelled', message: `${at} lacks the label ${SECRET_USE_LABEL}=repository` };
    const credentials = { password: '', env: {} };
    for (const [key, encoded] of Object.entries(secret.data ?? {})) {
        const value = Buffer.from(encoded, 'base64').toString('utf8').replace(/\r?\n$/, '');
        if (/[\0\n]/.test(value))
            return { ok: false, reason: 'SecretVariableRefused', message: `key ${key} of ${at} holds more than one line` };
        if (key === 'password')
            credentials.password = value;
        else if (key === 'username') {
            if (value !== '')
                credentials.username = value;
        }
        else if (variables.has(key))
            credentials.env[key] = value;
        else
            return { ok: false, reason: 'SecretVariableRefused', message: `key ${key} of ${at} is not one a repository may use: password, username or a back-end variable that carries a value` };
    }
    if (credentials.password === '')
        return { ok: false, reason: 'SecretIncomplete', message: `${at} has no key password` };
    return { ok: true, credentials, secret };
}
/** HMAC-SHA256 hex of url and credentials: tells whether they changed, and nothing else. */
export function credentialsHash(repository, credentials, planKey) {
    return createHmac('sha256', planKey).update(canonicalJson({ url: repository.spec.url, credentials })).digest('hex');
}
//# sourceMappingURL=credentials.js.map