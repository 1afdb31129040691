/** metav1.DeleteOptions as typed clients send it with a core kind (helm purging its Secrets). Source: meta/v1 generated.proto. */
import { badRequest } from './errors.js';
import { all, flag, message, readUnknown, text } from './protobuf.js';

/** In the shape of its JSON. @throws ApiError 400 */
export function deleteOptionsFromProtobuf(body: Buffer): Record<string, unknown> {
  try {
    const { raw } = readUnknown(body);
    const preconditions = message(raw, 2);
    const dryRun = all(raw, 5).map(String);
    const orphanDependents = flag(raw, 3);
    const [uid, resourceVersion, propagationPolicy] = [preconditions && text(preconditions, 1), preconditions && text(preconditions, 2), text(raw, 4)];
    return {
      ...(preconditions ? { preconditions: { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) } } : {}),
      ...(orphanDependents === undefined ? {} : { orphanDependents }), ...(propagationPolicy === '' ? {} : { propagationPolicy }), ...(dryRun.length === 0 ? {} : { dryRun }),
    };
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : 'protobuf: not readable');
  }
}
