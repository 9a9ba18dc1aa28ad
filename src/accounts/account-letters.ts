import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

import { translate, type Locale, type Translate } from '../lib/i18n.js';
import type { SystemLetter } from '../lib/system-mail.js';

/* The letters about accounts: a few plain sentences and one link. */

export function writeConfirmation(locale: Locale, to: string, link: string): SystemLetter {
  return write(locale, to, 'confirmation', 'confirmation', link);
}

/** For an address that was registered before and never confirmed: the link sets a new password, which the mailbox's owner knows alone. */
export function writeUnfinishedAccount(locale: Locale, to: string, link: string): SystemLetter {
  return write(locale, to, 'confirmation', 'unfinished', link);
}

export function writeExistingAccount(locale: Locale, to: string, link: string): SystemLetter {
  return write(locale, to, 'existing_account', 'existing', link);
}

export function writeRecovery(locale: Locale, to: string, link: string): SystemLetter {
  return write(locale, to, 'recovery', 'recovery', link);
}

export function writePasswordChanged(locale: Locale, to: string, link: string): SystemLetter {
  return write(locale, to, 'password_changed', 'passwordChanged', link);
}

type Kind = 'confirmation' | 'unfinished' | 'existing' | 'recovery' | 'passwordChanged';

interface Words {
  subject: string;
  hello: string;
  text: string;
  action: string;
  after: string;
  sender: string;
}

function write(locale: Locale, to: string, purpose: string, kind: Kind, link: string): SystemLetter {
  const words = chooseWords(translate(locale), kind, to);
  return { to, purpose, subject: words.subject, text: toText(words, link), html: toHtml(locale, words, link) };
}

function chooseWords(t: Translate, kind: Kind, email: string): Words {
  return {
    subject: t(`accounts.letters.${kind}.subject`),
    hello: t('accounts.letters.hello'),
    text: t(`accounts.letters.${kind}.text`, { email }),
    action: t(`accounts.letters.${kind}.action`),
    after: t(`accounts.letters.${kind}.after`),
    sender: t('accounts.letters.sender'),
  };
}

function toText({ hello, text, action, after, sender }: Words, link: string): string {
  return `${hello}\n\n${text}\n\n${action}:\n${link}\n\n${after}\n\n-- \n${sender}\n`;
}

/** No colours of its own but the button's, so that a mail program's dark mode can choose; the style attributes are for those programs. */
function toHtml(locale: Locale, words: Words, link: string): string {
  const button =
    'display:inline-block;padding:12px 20px;border-radius:8px;background:#0f5c5c;color:#ffffff;text-decoration:none;font-weight:600';
  const page = html`<!doctype html>
    <html lang="${locale}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>${words.subject}</title>
      </head>
      <body
        style="margin:0;padding:24px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:16px;line-height:1.5"
      >
        <div style="max-width:560px;margin:0 auto">
          <p>${words.hello}</p>
          <p>${words.text}</p>
          <p><a href="${link}" style="${button}">${words.action}</a></p>
          <p>${words.after}</p>
          <p style="font-size:13px;opacity:0.75;overflow-wrap:anywhere">${link}</p>
          <p style="font-size:13px;opacity:0.75">${words.sender}</p>
        </div>
      </body>
    </html>`;
  // A promise only where a part of it is one.
  return (page as HtmlEscapedString).toString();
}
