import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

import { translate, type Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { SystemLetter } from '../lib/system-mail.js';
import type { en } from '../locales/en.js';

type Letters = (typeof en)['accounts']['letters'];
export type LetterKind = {
  [key in keyof Letters]: Letters[key] extends { subject: string } ? key : never;
}[keyof Letters];

interface LetterToWrite {
  locale: Locale;
  to: string;
  /** Which texts. */
  kind: LetterKind;
  purpose: string;
  link: string;
  /** Why somebody did it; shown as it was typed. */
  reason?: string | null;
  /** What an invitation invites to be. */
  role?: Role;
  /** What else the texts are filled with. */
  values?: Record<string, string>;
}

interface Words {
  subject: string;
  hello: string;
  text: string;
  /** Empty where none was given. */
  reason: string;
  action: string;
  after: string;
  sender: string;
}

export function writeLetter(letter: LetterToWrite): SystemLetter {
  const words = chooseWords(letter);
  const { locale, to, purpose, link } = letter;
  return { to, purpose, subject: words.subject, text: toText(words, link), html: toHtml(locale, words, link) };
}

function chooseWords({ locale, to, kind, reason, role = 'user', values = {} }: LetterToWrite): Words {
  const t = translate(locale);
  const facts = { ...values, email: to, role: t(`accounts.roles.${role}`) };
  return {
    subject: t(`accounts.letters.${kind}.subject`),
    hello: t('accounts.letters.hello'),
    text: t(`accounts.letters.${kind}.text`, facts),
    reason: reason ? t('accounts.letters.reason', { reason }) : '',
    action: t(`accounts.letters.${kind}.action`),
    after: t(`accounts.letters.${kind}.after`, facts),
    sender: t('accounts.letters.sender'),
  };
}

function toText({ hello, text, reason, action, after, sender }: Words, link: string): string {
  const parts = [hello, text, reason, `${action}:\n${link}`, after, `-- \n${sender}\n`];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** No colours of its own but the button's, so that a mail program's dark mode can choose; the style attributes are for those programs. */
function toHtml(locale: Locale, words: Words, link: string): string {
  const button =
    'display:inline-block;padding:12px 20px;border-radius:8px;background:#0f5c5c;color:#ffffff;text-decoration:none;font-weight:600';
  const quote = 'margin:16px 0;padding:4px 0 4px 16px;border-left:3px solid #7a9a9a;white-space:pre-line';
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
        style="margin:0;padding:24px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:16px;line-height:1.5;overflow-wrap:anywhere"
      >
        <div style="max-width:560px;margin:0 auto">
          <p>${words.hello}</p>
          <p>${words.text}</p>
          ${words.reason === '' ? '' : html`<p style="${quote}">${words.reason}</p>`}
          <p><a href="${link}" style="${button}">${words.action}</a></p>
          <p>${words.after}</p>
          <p style="font-size:13px;opacity:0.75">${link}</p>
          <p style="font-size:13px;opacity:0.75">${words.sender}</p>
        </div>
      </body>
    </html>`;
  // A promise only where a part of it is one.
  return (page as HtmlEscapedString).toString();
}
