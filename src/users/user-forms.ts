import { z } from 'zod';

import { emailForm } from '../accounts/account.js';
import { ROLES } from '../accounts/user.js';
import { LOCALES } from '../lib/i18n.js';
import { multiLine } from '../lib/text.js';

const MAX_REASON = 500;

export const reasonForm = z.object({
  reason: multiLine(MAX_REASON).refine((text) => text.trim() !== '', { error: 'required' }),
});

export const roleForm = z.object({ role: z.enum(ROLES, { error: 'choice' }) });

export const invitationForm = emailForm.extend({
  role: z.enum(ROLES, { error: 'choice' }),
  locale: z.enum(LOCALES, { error: 'choice' }),
});
