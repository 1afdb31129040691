/**
 * What every ObjectStore must do, run on each adapter: the file store (fileStore.test.ts), later the Kubernetes API. Only
 * what both can show is here; what is about a file or a disk is in fileStoreDisk.test.ts.
 */
import { benchOf, type Bench, type ContractSubject } from './contractTools.js';
import { applyContract } from './objectStoreApply.js';
import { readsContract } from './objectStoreReads.js';
import { writesContract } from './objectStoreWrites.js';

export function objectStoreContract(name: string, open: () => Promise<ContractSubject>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    let bench: Bench | undefined;
    const current = (): Bench => {
      if (bench === undefined) throw new Error('the store is not open');
      return bench;
    };

    before(async function () {
      this.timeout(60_000);
      bench = benchOf(await open());
    });
    after(() => bench?.close());

    writesContract(current);
    applyContract(current);
    readsContract(current);
  });
}
