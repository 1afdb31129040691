/** Who is asking, and may they: the two questions every listener asks before it does anything. */
import type { IncomingMessage } from 'node:http';
import type { Principal } from '#crds/objectStore.js';

/** One access question, in Kubernetes' words. Operator-API routes are mapped onto it, so there is one role table. */
export interface AccessQuestion {
  /** get, list, watch, create, update, patch, delete, deletecollection, or a field-right verb: bind, sethooks, restoreinplace, restorefrom, rollout. */
  verb: string;
  /** API group, '' for core. */
  group: string;
  /** Plural, `resticjobs/status` style for subresources. */
  resource: string;
  name?: string;
}

export interface Verdict {
  allowed: boolean;
  reason: string;
}

export interface Access {
  /** Cookie, bearer token or nothing. Undefined: not authenticated. Checks the user's epoch and revocations at each call. */
  authenticate(request: IncomingMessage): Promise<Principal | undefined>;
  /** Fail closed: what the table does not name is for admins. Synchronous and pure. */
  authorize(principal: Principal, question: AccessQuestion): Verdict;
}

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how @types/express lets a request be extended
  namespace Express {
    interface Request {
      /** Set by the authentication middleware on every authenticated request. */
      principal?: Principal;
    }
  }
}
