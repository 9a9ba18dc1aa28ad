// pure
import { domainToASCII, domainToUnicode } from 'node:url';

export const KEPT_LETTERS = 1000;

export const LETTER_SORTS = ['received'] as const;

export const LETTER_VIEWS = ['html', 'text', 'headers', 'source'] as const;
export type LetterView = (typeof LETTER_VIEWS)[number];

/** Which letters a visitor sees; the scope is part of every query. */
export type InboxScope =
  | { kind: 'all' }
  /** Only confirmation letters to one address, in every spelling of its domain. */
  | { kind: 'confirmations'; address: string; spellings: string[] };

export interface LetterSummary {
  id: number;
  receivedAt: Date;
  /** From the envelope, not from the headers; empty for the null reverse-path (RFC 5321, section 4.5.5). */
  sender: string;
  recipients: string[];
  subject: string;
  purpose: string | null;
}

export interface StoredLetter extends LetterSummary {
  source: Buffer;
}

/** Letters on their way carry a domain as it was typed, in Punycode or in Unicode. */
export function confirmationsTo(address: string): InboxScope {
  const lower = address.toLowerCase();
  const at = lower.lastIndexOf('@');
  const local = lower.slice(0, at + 1);
  const domain = lower.slice(at + 1);
  const domains = [domain, domainToASCII(domain), domainToUnicode(domain)].filter((spelling) => spelling !== '');
  return { kind: 'confirmations', address, spellings: [...new Set(domains)].map((spelling) => local + spelling) };
}
