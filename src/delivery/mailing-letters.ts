import { toPieces } from '../messages/message-pieces.js';
import { renderMessage, renderSubject, type Addressee, type CompiledMessage } from '../messages/render-message.js';
import { Base64Pattern } from './base64-pattern.js';
import { composeLetter, joinLetter, type LetterHead } from './letter.js';

/** Writes the letter of one delivery. Throws RenderError, and nothing else. */
export type WriteLetter = (delivery: { id: number; address: string } & Omit<Addressee, 'email'>, date: Date) => string;

/** Works out once what is the same in every letter of a mailing. */
export function prepareLetters(from: LetterHead['from'], message: CompiledMessage): WriteLetter {
  const pieces = toPieces(message);
  const pattern = pieces && { text: new Base64Pattern(pieces.text), html: new Base64Pattern(pieces.html) };
  return ({ id, address, name, attributes }, date) => {
    const addressee = { email: address, name, attributes };
    const head = { from, date, id: `delivery-${id}` };
    const to = { name, address };
    const values = pieces?.read(addressee);
    if (!pattern || !values) return composeLetter(head, { to, ...renderMessage(message, addressee) });
    const [text, html] = [pattern.text.fill(values.text), pattern.html.fill(values.html)];
    return joinLetter(head, { to, subject: renderSubject(message, addressee), text, html });
  };
}
