import type { Context } from 'hono';

import { NotFoundError } from '../lib/errors.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import type { WebEnv } from '../ui/view.js';
import type { RepeatResult } from './repeat-mailing.js';

/** Leads to the new mailing, and says whom it leaves out. */
export function answerRepeat(c: Context<WebEnv>, id: number, result: RepeatResult) {
  const view = c.get('view');
  if (!result.ok && result.fault === 'gone') throw new NotFoundError();
  if (!result.ok) return redirectWithFlash(c, `/mailings/${id}`, view.t('mailings.flash.repeatNobody'), 'warning');
  const { count, missing, already } = result;
  const made = view.t('mailings.flash.repeated', { count, number: formatNumber(view, count) });
  const left = view.t('mailings.flash.missing', { count: missing, number: formatNumber(view, missing) });
  const told = [already ? view.t('mailings.flash.repeatedAlready') : made, ...(missing > 0 ? [left] : [])].join(' ');
  return redirectWithFlash(c, `/mailings/${result.id}`, told, missing > 0 ? 'warning' : 'success');
}
