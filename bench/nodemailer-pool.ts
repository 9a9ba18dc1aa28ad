/** Sends letters through nodemailer's pool; prints the seconds it took. Arguments: letters, port, connections. */
import { createTransport } from 'nodemailer';

import { addressOf, BODY, fillIn, FROM, nameOf, SUBJECT } from './letter.js';

const [letters = 0, port = 0, connections = 1] = process.argv.slice(2).map(Number);
const pool = createTransport({
  host: '127.0.0.1',
  port,
  pool: true,
  maxConnections: connections,
  maxMessages: Infinity,
  ignoreTLS: true,
});

const began = performance.now();
let next = 1;
// Two for each connection are always there: one on its way and one that waits.
await Promise.all(Array.from({ length: connections * 2 }, sendInTurn));
console.log((performance.now() - began) / 1000);
pool.close();

async function sendInTurn(): Promise<void> {
  while (next <= letters) {
    const n = next;
    next += 1;
    const text = fillIn(BODY, n);
    await pool.sendMail({
      from: FROM,
      to: { name: nameOf(n), address: addressOf(n) },
      subject: fillIn(SUBJECT, n),
      text,
      html: toHtml(text),
    });
  }
}

function toHtml(text: string): string {
  return text
    .split('\n\n')
    .map((part) => `<p>${part}</p>\n`)
    .join('');
}
