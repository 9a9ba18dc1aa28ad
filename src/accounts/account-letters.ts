import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { SystemLetter } from '../lib/system-mail.js';
import { writeLetter } from './letter-layout.js';

/* The letters about accounts, and about what others did to a user's things: a few plain sentences, perhaps a reason, and one link. */

interface Place {
  /** Of the site, without a slash at its end. */
  baseUrl: string;
}

interface Explained extends Place {
  /** As whoever did it typed it. */
  reason: string | null;
}

interface MailingInLetter extends Explained {
  /** Of the mailing's message. */
  subject: string;
  mailingId: number;
}

export function writeConfirmation(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'confirmation', purpose: 'confirmation', link });
}

/** For an address that was registered before and never confirmed: the link sets a new password, which the mailbox's owner knows alone. */
export function writeUnfinishedAccount(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'unfinished', purpose: 'confirmation', link });
}

export function writeExistingAccount(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'existing', purpose: 'existing_account', link });
}

export function writeRecovery(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'recovery', purpose: 'recovery', link });
}

export function writePasswordChanged(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'passwordChanged', purpose: 'password_changed', link });
}

/** When everything of a user is gone: the link is for who wants to come back. */
export function writeFarewell(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'farewell', purpose: 'farewell', link });
}

/** To the new address: the link makes it the user's. */
export function writeEmailChange(locale: Locale, to: string, link: string): SystemLetter {
  return writeLetter({ locale, to, kind: 'emailChange', purpose: 'email_change', link });
}

/** To the new address, where it is somebody's already: the page told nothing of that. */
export function writeEmailTaken(locale: Locale, to: string, { baseUrl }: Place): SystemLetter {
  return writeLetter({ locale, to, kind: 'emailTaken', purpose: 'email_change', link: `${baseUrl}/recovery` });
}

/** To the old address, before anything is changed. */
export function writeEmailChangeAsked(
  locale: Locale,
  to: string,
  { baseUrl, newEmail }: Place & { newEmail: string },
): SystemLetter {
  const link = `${baseUrl}/recovery`;
  return writeLetter({ locale, to, kind: 'emailChangeAsked', purpose: 'email_change', link, values: { newEmail } });
}

/** To the old address: the link gives it back, with a new password. */
export function writeEmailChanged(
  locale: Locale,
  to: string,
  { link, newEmail }: { link: string; newEmail: string },
): SystemLetter {
  return writeLetter({ locale, to, kind: 'emailChanged', purpose: 'email_changed', link, values: { newEmail } });
}

export function writeInvitation(
  locale: Locale,
  to: string,
  { link, inviter, role }: { link: string; inviter: string; role: Role },
): SystemLetter {
  return writeLetter({ locale, to, kind: 'invitation', purpose: 'invitation', link, role, values: { inviter } });
}

export function writeBlocked(locale: Locale, to: string, { baseUrl, reason }: Explained): SystemLetter {
  return writeLetter({ locale, to, kind: 'blocked', purpose: 'blocked', link: `${baseUrl}/sign-in`, reason });
}

export function writeUnblocked(locale: Locale, to: string, { baseUrl, reason }: Explained): SystemLetter {
  return writeLetter({ locale, to, kind: 'unblocked', purpose: 'unblocked', link: `${baseUrl}/sign-in`, reason });
}

export function writeMailingDisabled(locale: Locale, to: string, mailing: MailingInLetter): SystemLetter {
  return writeAboutMailing(locale, to, 'mailingDisabled', mailing);
}

export function writeMailingEnabled(locale: Locale, to: string, mailing: MailingInLetter): SystemLetter {
  return writeAboutMailing(locale, to, 'mailingEnabled', mailing);
}

export function writeSecondFactorEnabled(locale: Locale, to: string, { baseUrl }: Place): SystemLetter {
  return writeLetter({
    locale,
    to,
    kind: 'secondFactorEnabled',
    purpose: 'second_factor',
    link: `${baseUrl}/recovery`,
  });
}

export function writeSecondFactorDisabled(locale: Locale, to: string, { baseUrl }: Place): SystemLetter {
  return writeLetter({
    locale,
    to,
    kind: 'secondFactorDisabled',
    purpose: 'second_factor',
    link: `${baseUrl}/recovery`,
  });
}

/** To administrators: a mail server has taken no letters for some time. The link leads to its page. */
export function writeRelayFailing(
  locale: Locale,
  to: string,
  { name, time, fault, link }: { name: string; time: string; fault: string; link: string },
): SystemLetter {
  const values = { name, time };
  return writeLetter({ locale, to, kind: 'relayFailing', purpose: 'relay_failing', link, reason: fault, values });
}

function writeAboutMailing(
  locale: Locale,
  to: string,
  kind: 'mailingDisabled' | 'mailingEnabled',
  { baseUrl, reason, subject, mailingId }: MailingInLetter,
): SystemLetter {
  const purpose = kind === 'mailingDisabled' ? 'mailing_disabled' : 'mailing_enabled';
  return writeLetter({
    locale,
    to,
    kind,
    purpose,
    link: `${baseUrl}/mailings/${mailingId}`,
    reason,
    values: { subject },
  });
}
