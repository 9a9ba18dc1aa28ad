export interface SmtpCapabilities {
  /** RFC 2920 */
  pipelining: boolean;
  /** RFC 3030: BDAT. */
  chunking: boolean;
  startTls: boolean;
  smtpUtf8: boolean;
  eightBitMime: boolean;
  /** RFC 1870. `maxBytes` is null where the server takes SIZE= but names no limit. */
  size: { maxBytes: number | null } | null;
  authMechanisms: ReadonlySet<string>;
}

export const NO_CAPABILITIES: SmtpCapabilities = {
  pipelining: false,
  chunking: false,
  startTls: false,
  smtpUtf8: false,
  eightBitMime: false,
  size: null,
  authMechanisms: new Set(),
};

/** Reads the text of a positive reply to EHLO: a first line with the server's name, then one keyword a line (RFC 5321 4.1.1.1). */
export function parseCapabilities(text: string): SmtpCapabilities {
  const lines = text.split('\n').slice(1);
  const keywords = new Map(lines.map((line) => splitKeyword(line)));
  return {
    pipelining: keywords.has('PIPELINING'),
    chunking: keywords.has('CHUNKING'),
    startTls: keywords.has('STARTTLS'),
    smtpUtf8: keywords.has('SMTPUTF8'),
    eightBitMime: keywords.has('8BITMIME'),
    size: readSize(keywords.get('SIZE')),
    authMechanisms: readMechanisms(lines),
  };
}

function splitKeyword(line: string): [string, string] {
  const [keyword = '', ...parameters] = line.trim().split(/\s+/);
  return [keyword.toUpperCase(), parameters.join(' ')];
}

/** RFC 1870 4: no number, or 0, is no fixed limit. */
function readSize(parameter: string | undefined): SmtpCapabilities['size'] {
  if (parameter === undefined) return null;
  const bytes = /^\d{1,15}$/.test(parameter) ? Number(parameter) : 0;
  return { maxBytes: bytes === 0 ? null : bytes };
}

/** RFC 4954 3; `AUTH=LOGIN` is how servers older than the standard write it. */
function readMechanisms(lines: readonly string[]): ReadonlySet<string> {
  const offers = lines.map((line) => /^AUTH[ =](.*)$/i.exec(line.trim())?.[1] ?? '');
  return new Set(offers.flatMap((offer) => offer.toUpperCase().split(/\s+/)).filter((mechanism) => mechanism !== ''));
}
