import type { MiddlewareHandler } from 'hono';

import { ForbiddenError } from '../lib/errors.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { may, type Action, type Thing } from './permissions.js';

/** Lets through only who may do this; for screens that belong to a role. Stands behind `requireUser`. */
export function permit(action: Action): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    refuseUnlessPermitted(c.get('view'), action);
    await next();
  };
}

/** For what the visitor may see and perhaps not do. What they may not even see is not found: the query leaves it out. */
export function refuseUnlessPermitted(view: View, action: Action, thing: Thing = {}): void {
  if (!may(signedIn(view), action, thing)) throw new ForbiddenError();
}
