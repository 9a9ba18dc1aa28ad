// pure

export const KEPT_LETTERS = 1000;

/** Which letters a visitor sees; the scope is part of every query. */
export type InboxScope =
  | { kind: 'all' }
  /** Only confirmation letters to one address, in every spelling of its domain, in small letters. */
  | { kind: 'confirmations'; spellings: string[] };

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
