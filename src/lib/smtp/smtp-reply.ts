import type { SmtpReply } from './smtp-outcome.js';

export type ReplyFaultCode = 'not_a_reply' | 'line_too_long' | 'reply_too_long' | 'mixed_codes';

export interface ReplyFault {
  code: ReplyFaultCode;
  error: string;
}

export interface ParsedReplies {
  /** Whole and well formed; to be used even when a fault follows them. */
  replies: SmtpReply[];
  fault: ReplyFault | null;
}

// RFC 5321 4.5.3.1.5 allows 512 bytes a line; servers that write more are common, endless lines are attacks.
const LONGEST_LINE = 65_536;
const LONGEST_REPLY = 262_144;
const MOST_LINES = 512;

const REPLY_LINE = /^([2-5]\d\d)(?:([ -])([^]*))?$/;
const ENHANCED_CODE = /^([245])\.\d{1,3}\.\d{1,3}(?=\s|$)/;
// PostgreSQL stores no NUL, and pages and logs want no other control characters either.
const CONTROL_CHARACTER = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const NOT_ASCII = /[^\u0000-\u007f]/;

/**
 * Takes the bytes of a server as they arrive, gives its replies (RFC 5321 4.2). After a fault nothing more is
 * believed: whoever lost count of replies can no longer tell which letter one is about.
 */
export class SmtpReplyParser {
  #rest = '';
  #lines: string[] = [];
  #code = '';
  #length = 0;
  #fault: ReplyFault | null = null;

  /** True between replies: nothing has been received of a next one. */
  get isBetweenReplies(): boolean {
    return this.#rest === '' && this.#lines.length === 0;
  }

  push(chunk: Buffer): ParsedReplies {
    const replies: SmtpReply[] = [];
    const bytes = this.#rest + chunk.toString('latin1');
    let start = 0;
    for (let end = bytes.indexOf('\n'); end !== -1 && !this.#fault; end = bytes.indexOf('\n', start)) {
      const reply = this.#takeLine(bytes.slice(start, bytes[end - 1] === '\r' ? Math.max(start, end - 1) : end));
      if (reply) replies.push(reply);
      start = end + 1;
    }
    this.#rest = this.#fault ? '' : bytes.slice(start);
    if (this.#rest.length > LONGEST_LINE) this.#fail('line_too_long', 'a line of its reply does not end');
    return { replies, fault: this.#fault };
  }

  #takeLine(line: string): SmtpReply | null {
    if (line.length > LONGEST_LINE) return this.#fail('line_too_long', 'a line of its reply is too long');
    const match = REPLY_LINE.exec(line);
    if (!match) return this.#fail('not_a_reply', `"${printable(line.slice(0, 80))}" is no SMTP reply`);
    const [, code = '', separator, text = ''] = match;
    // RFC 5321 4.2.1: every line of a reply carries the same code.
    if (this.#code !== '' && code !== this.#code)
      return this.#fail('mixed_codes', `a reply mixes the codes ${this.#code} and ${code}`);
    this.#code = code;
    this.#lines.push(printable(text));
    this.#length += line.length;
    if (this.#lines.length > MOST_LINES || this.#length > LONGEST_REPLY)
      return this.#fail('reply_too_long', 'its reply does not end');
    return separator === '-' ? null : this.#finishReply();
  }

  #finishReply(): SmtpReply {
    const reply = {
      code: Number(this.#code),
      enhancedCode: findEnhancedCode(this.#code, this.#lines),
      text: this.#lines.join('\n'),
    };
    this.#lines = [];
    this.#code = '';
    this.#length = 0;
    return reply;
  }

  #fail(code: ReplyFaultCode, error: string): null {
    this.#fault ??= { code, error };
    return null;
  }
}

/** RFC 2034 4: the class repeats the first digit of the reply's code; one that contradicts it is no enhanced code. */
function findEnhancedCode(code: string, lines: readonly string[]): string | null {
  for (const line of lines) {
    const match = ENHANCED_CODE.exec(line);
    if (match && match[1] === code[0]) return match[0];
  }
  return null;
}

/** From bytes held as Latin-1 to text: UTF-8 as RFC 6531 3.7.4.2 allows, everything else made harmless. */
function printable(bytes: string): string {
  const text = NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
  return text.replace(CONTROL_CHARACTER, '\uFFFD');
}
