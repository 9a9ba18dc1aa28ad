import type { Context } from 'hono';

import type { Fault } from '../lib/form.js';
import type { View, WebEnv } from '../ui/view.js';

/** The fault of a form that was sent too often, for its page with status 429; says in Retry-After how long to wait. */
export function refuseTries(c: Context<WebEnv>, seconds: number): { form: Fault } {
  c.header('Retry-After', String(seconds));
  return { form: { key: 'tooManyTries', detail: describeWait(c.get('view'), seconds) } };
}

/** As it stands after “in”: “5 minutes”. */
export function describeWait(view: View, seconds: number): string {
  return view.t('security.minutes', { count: Math.ceil(seconds / 60) });
}
