/** Refusals in the API server's wording, so that kubectl and its users read what they know. */
import { AlreadyExists, Conflict, Invalid, NotFound, type StatusCause } from '#crds/objectStore.js';
import { resources, type Kind } from '#crds/kinds.js';

/** A request no object could make right (a selector, a token, a version that cannot be read): HTTP 400, not 422. */
export class BadRequest extends Invalid {}

/** An applied configuration without the shape of its kind. The API server gives it no reason of its own. */
export class NotTyped extends BadRequest {}

/** `hosts.restic-manager.io`; core kinds have no group: `secrets`. */
export function qualifiedResource(kind: Kind): string {
  const { group, plural } = resources[kind];
  return group === '' ? plural : `${plural}.${group}`;
}

export function notFound(kind: Kind, name: string): NotFound {
  return new NotFound(`${qualifiedResource(kind)} "${name}" not found`);
}

/** @param going it waits for its finalizers: the name may be free soon */
export function alreadyExists(kind: Kind, name: string, going = false): AlreadyExists {
  return new AlreadyExists(`${going ? 'object is being deleted: ' : ''}${qualifiedResource(kind)} "${name}" already exists`);
}

export function conflict(kind: Kind, name: string, why = 'the object has been modified; please apply your changes to the latest version and try again'): Conflict {
  return new Conflict(`Operation cannot be fulfilled on ${qualifiedResource(kind)} "${name}": ${why}`);
}

/** The object is not the one that was to be deleted. */
export function preconditionFailed(kind: Kind, name: string, why: string): Conflict {
  const { group } = resources[kind];
  return new Conflict(`Operation cannot be fulfilled on ${group === '' ? kind : `${kind}.${group}`} "${name}": ${why}`);
}

/** One cause per field. */
export function invalid(kind: Kind, name: string, causes: (StatusCause & { field: string })[]): Invalid {
  const { group } = resources[kind];
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`;
  return new Invalid(`${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${list}`, { causes });
}
