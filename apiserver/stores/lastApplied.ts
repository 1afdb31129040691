/**
 * The bridge between client-side and server-side apply, for the field manager `kubectl` alone: fields of the last-applied
 * annotation that still have their value are its own, and the annotation follows what it applies from then on.
 * Source: k8s.io/apimachinery managedfields, lastappliedmanager and lastappliedupdater.
 */
import type { Kind } from '#crds/kinds.js';
import type { KubeObject } from '#crds/meta.js';
import { claimedFields } from './applyFields.js';
import { difference, diffFields, union, type FieldSet } from './fieldSet.js';
import { mergeSchema, ownable } from './managedFields.js';
import { isRecord, type Json } from './plainJson.js';
import { typedProblem } from './typedPatch.js';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
export const KUBECTL = 'kubectl';

/** What client-side apply owns of `live`; undefined when there is no annotation that can be read. */
export function lastAppliedFields(kind: Kind, live: KubeObject, subresource: 'status' | undefined): FieldSet | undefined {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined || text === '') return undefined;
  let applied: unknown;
  try {
    applied = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(applied) || applied['apiVersion'] !== live.apiVersion || !isRecord(applied['metadata']) || typedProblem(kind, applied) !== undefined) return undefined;
  const config = ownable({ ...applied, kind } as unknown as KubeObject, subresource);
  const schema = mergeSchema(kind);
  const { changed, removed } = diffFields(config, ownable(live, subresource), schema);
  return difference(claimedFields(config, schema), union(changed, removed));
}

/** `metadata` of an object kubectl applied to: where there is a last-applied annotation, it says what was applied now. */
export function refreshLastApplied(annotations: Record<string, string> | undefined, configuration: Json): Record<string, string> | undefined {
  if (annotations?.[LAST_APPLIED] === undefined || annotations[LAST_APPLIED] === '') return annotations;
  const { metadata } = configuration;
  let applied = configuration;
  if (isRecord(metadata) && isRecord(metadata['annotations'])) {
    const { [LAST_APPLIED]: _own, ...others } = metadata['annotations'];
    applied = { ...configuration, metadata: { ...metadata, annotations: others } };
  }
  return { ...annotations, [LAST_APPLIED]: `${goJson(applied)}\n` };
}

/** JSON as Go writes it, so that the annotation reads the same whichever server wrote it. */
function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isRecord(value)) return `{${Object.keys(value).sort().map((key) => `${goString(key)}:${goJson(value[key])}`).join(',')}}`;
  return typeof value === 'string' ? goString(value) : JSON.stringify(value ?? null);
}

const goString = (text: string): string => JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
