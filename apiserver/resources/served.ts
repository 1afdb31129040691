/** What the resource API serves: one row per kind, from the CustomResourceDefinitions and, for core kinds, from here. */
import type { PrinterColumn } from '#crds/crd.js';
import { kinds, resources } from '#crds/kinds.js';
import type { Kind, ResourceInfo } from '#crds/kinds.js';
import { crds } from '#crds/types/crds.gen.js';

export interface Served extends ResourceInfo {
  listKind: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  /** Serves /status. */
  status: boolean;
  /** Printer columns of the CRD; core kinds have their own in table.ts. */
  columns: PrinterColumn[];
}

const coreNames: Record<string, { shortNames: string[] }> = { Secret: { shortNames: [] }, Event: { shortNames: ['ev'] }, Lease: { shortNames: [] } };

export const served: readonly Served[] = kinds.map((kind) => {
  const info = resources[kind];
  if (kind === 'Secret' || kind === 'Event' || kind === 'Lease') {
    return { ...info, listKind: `${kind}List`, singular: kind.toLowerCase(), shortNames: coreNames[kind]?.shortNames ?? [], categories: [], status: false, columns: [] };
  }
  const { names, versions } = crds[kind].spec;
  return {
    ...info, listKind: names.listKind, singular: names.singular, shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    status: versions[0]?.subresources?.status !== undefined, columns: versions[0]?.additionalPrinterColumns ?? [],
  };
});

export const findServed = (group: string, version: string, plural: string): Served | undefined =>
  served.find((each) => each.group === group && each.version === version && each.plural === plural);

export const servedKind = (kind: Kind): Served => {
  const found = served.find((each) => each.kind === kind);
  if (!found) throw new Error(`kind ${kind} is not served`);
  return found;
};

/** `restic-manager.io/v1alpha1`, or `v1` for core. */
export const groupVersion = ({ group, version }: { group: string; version: string }): string => (group === '' ? version : `${group}/${version}`);

/** `hosts.restic-manager.io`, or `secrets`. */
export const groupResource = ({ group, plural }: { group: string; plural: string }): string => (group === '' ? plural : `${plural}.${group}`);
