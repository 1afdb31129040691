/** Every file of examples/ passes admission as it stands. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiVersionOf, kinds } from '#crds/kinds.js';
import type { Kind } from '#crds/kinds.js';
import { decodeDocuments } from '#apiserver/admission/decode.js';
import { createAdmission, decodeObject } from '#apiserver/admission/index.js';
import { inRoot } from '../../hack/lib/root.js';

const admission = createAdmission({ namespace: 'default' });
const files = async (): Promise<string[]> => (await readdir(inRoot('examples'), { recursive: true })).filter((file) => /\.(ya?ml|json)$/.test(file)).sort();

describe('The examples', () => {
  it('pass admission, each document of each file', async () => {
    const found = await files();
    expect(found, 'files in examples/').to.not.be.empty;
    for (const file of found) {
      const documents = decodeDocuments(await readFile(join(inRoot('examples'), file)));
      expect(documents, file).to.not.be.empty;
      for (const [index, document] of documents.entries()) {
        const { kind, apiVersion } = document as { kind: Kind; apiVersion: string };
        expect(kinds, `${file}, document ${index + 1}`).to.include(kind);
        expect(apiVersion, `${file}, document ${index + 1}`).to.equal(apiVersionOf(kind));
        try {
          admission.admit({ kind, operation: 'create', object: decodeObject(kind, document, { fieldValidation: 'Strict' }), writer: { principal: { name: 'alice', role: 'admin' }, door: 'manifests', fieldManager: 'test' }, fieldValidation: 'Strict' });
        } catch (error) {
          throw new Error(`${file}, document ${index + 1}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    }
  });
});
