import { join } from 'node:path';

import { addressOf, BODY, CITY, FROM, SUBJECT, WIRE_BYTES } from './letter.js';
import { findProgram, run, runSource } from './processes.js';

/** Debian's own, which sees Debian's packages. */
const PYTHON = '/usr/bin/python3';

/** Somebody who can send letters to a server on loopback. */
export interface Contestant {
  name: string;
  /** Why it cannot take part; undefined when it can. */
  missing: string | undefined;
  /** Resolves to the seconds that all of the letters took, without starting and stopping the program. */
  send(letters: number, port: number, connections: number): Promise<number>;
}

/** Postfix's load generator, in C: the same bytes again and again, nothing personalised, nothing written down. The limit. */
export function findSmtpSource(): Contestant {
  const program = findProgram('smtp-source');
  return {
    name: 'smtp-source -d',
    missing: program === undefined ? 'not installed (Debian: postfix)' : undefined,
    async send(letters, port, connections) {
      const sizes = ['-s', String(connections), '-m', String(letters), '-l', String(WIRE_BYTES)];
      const began = performance.now();
      await run(program ?? '', ['-d', ...sizes, '-f', FROM.address, '-t', addressOf(1), `127.0.0.1:${port}`]);
      return (performance.now() - began) / 1000;
    },
  };
}

/** The pool alone, without a ledger. */
export function findNodemailer(): Contestant {
  return {
    name: "nodemailer's pool",
    missing: undefined,
    async send(letters, port, connections) {
      const args = [letters, port, connections].map(String);
      return Number(await run(process.execPath, [...runSource('nodemailer-pool.ts'), ...args]));
    },
  };
}

/** Debian's python3-django, as its documents show it: `send_mail` in a loop. */
export async function findDjango(): Promise<Contestant> {
  const isInstalled = await run(PYTHON, ['-c', 'import django']).then(
    () => true,
    () => false,
  );
  return {
    name: "Django's send_mail",
    missing: isInstalled ? undefined : 'not installed (Debian: python3-django)',
    async send(letters, port) {
      const job = { letters, port, from: `${FROM.name} <${FROM.address}>`, subject: SUBJECT, body: BODY, city: CITY };
      return Number(await run(PYTHON, [join(import.meta.dirname, 'django_loop.py')], JSON.stringify(job)));
    },
  };
}
