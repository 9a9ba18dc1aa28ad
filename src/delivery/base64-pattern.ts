// pure

/**
 * A text of pieces that are the same in every letter, with values between them, encoded in base64. Base64 takes bytes by threes, so
 * what a piece becomes depends on how many of its first bytes complete the three of what stands before: it is encoded once for none,
 * one and two. For a letter only the values and the bytes next to them are encoded. These have lines of their own: some lines are
 * short, which RFC 2045, section 6.8, leaves open.
 */
export class Base64Pattern {
  readonly #pieces: EncodedPiece[][];

  /** One piece more than there will be values. */
  constructor(pieces: string[]) {
    this.#pieces = pieces.map(encodePiece);
  }

  fill(values: string[]): string {
    let lines = '';
    let open = '';
    for (const [index, variants] of this.#pieces.entries()) {
      if (index > 0) open += toBytes(values[index - 1] ?? '');
      const piece = variants[(3 - (open.length % 3)) % 3];
      if (!piece) continue;
      open += piece.head;
      // A piece of a byte or two may not complete the three.
      if (open.length % 3 > 0) continue;
      lines += encodeLines(open) + piece.lines;
      open = piece.tail;
    }
    return (lines + encodeLines(open)).slice(0, -2);
  }
}

/** Bytes are kept as characters from 0 to 255. */
interface EncodedPiece {
  /** What completes the three before. */
  head: string;
  lines: string;
  /** What is left over. */
  tail: string;
}

const LINE = 76;

function encodePiece(piece: string): EncodedPiece[] {
  const bytes = toBytes(endLines(piece));
  return [0, 1, 2].map((taken) => {
    const end = bytes.length - (Math.max(0, bytes.length - taken) % 3);
    return { head: bytes.slice(0, taken), lines: encodeLines(bytes.slice(taken, end)), tail: bytes.slice(end) };
  });
}

function encodeLines(bytes: string): string {
  return bytes === '' ? '' : `${breakLines(btoa(bytes))}\r\n`;
}

function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Lines of 76 characters (RFC 2045, section 6.8). */
export function breakLines(encoded: string): string {
  let lines = encoded.slice(0, LINE);
  for (let at = LINE; at < encoded.length; at += LINE) lines += `\r\n${encoded.slice(at, at + LINE)}`;
  return lines;
}

/** The line ends that mail has (RFC 2046, section 4.1.1). */
export function endLines(text: string): string {
  return text.replaceAll(/\r?\n/g, '\r\n');
}
