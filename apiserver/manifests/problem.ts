/** What is wrong with a manifest, said so that its author finds the place: file, document, object, field. */
import { resources, type Kind } from '#crds/kinds.js';
import { StoreError } from '#crds/objectStore.js';
import { ROOT } from '../admission/fieldErrors.js';
import type { ManifestDocument } from './decode.js';

export interface ManifestProblem {
  file?: string;
  /** From one. */
  document?: number;
  /** `host.restic-manager.io/web1` */
  object?: string;
  field?: string;
  /** Without what the other members say. */
  message: string;
}

/** `host.restic-manager.io/web1`, `secret/web1`: as kubectl prints an object. */
export function objectText(kind: Kind, name: string): string {
  const { group } = resources[kind];
  return `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${name}`;
}

/** `hosts.yaml, document 2: host.restic-manager.io/web1: spec.presence: Unsupported value` */
export function problemText({ file, document, object, field, message }: ManifestProblem): string {
  const place = [file, document === undefined ? undefined : `document ${String(document)}`].filter((part) => part !== undefined).join(', ');
  return [place, object ?? '', field ?? '', message].filter((part) => part !== '').join(': ');
}

type Place = Pick<ManifestProblem, 'file' | 'document' | 'object'>;

/** One problem for each field a store or decoder complained of. Values of Secrets do not get through. */
export function problemsOf(error: unknown, place: Place, configuration: unknown): ManifestProblem[] {
  const hide = hider(configuration);
  const message = error instanceof Error ? error.message : String(error);
  const causes = error instanceof StoreError ? error.causes : [];
  if (causes.length > 0) {
    // Beside a field that is wrong, "some rules were not checked" helps nobody.
    const named = causes.filter(({ field }) => field !== undefined && field !== ROOT);
    return (named.length > 0 ? named : causes).map(({ field, message: text }) => ({ ...place, ...(field === undefined || field === ROOT ? {} : { field }), message: hide(text) }));
  }
  const named = /unknown field "([^"]+)"/.exec(message)?.[1] ?? /: \.([A-Za-z][^\s:]*): /.exec(message)?.[1];
  return [{ ...place, ...(named === undefined ? {} : { field: named }), message: hide(message) }];
}

export const placeOf = ({ file, document, kind, key }: ManifestDocument): Place => ({ file, document, object: objectText(kind, key.name) });

/** Takes every value of a Secret out of a text. */
function hider(configuration: unknown): (text: string) => string {
  if (typeof configuration !== 'object' || configuration === null || !('kind' in configuration) || configuration.kind !== 'Secret') return (text) => text;
  const values: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
    else if (value !== null && value !== undefined && String(value) !== '') values.push(String(value));
  };
  const { data, stringData } = configuration as { data?: unknown; stringData?: unknown };
  collect(data);
  collect(stringData);
  values.sort((a, b) => b.length - a.length);
  return (text) => values.reduce((hidden, value) => hidden.replaceAll(JSON.stringify(value).slice(1, -1), '***').replaceAll(value, '***'), text);
}
