import { SmtpConnection } from '../../src/lib/smtp/smtp-connection.js';
import type { SmtpOptions } from '../../src/lib/smtp/smtp-options.js';
import type { SendOutcome } from '../../src/lib/smtp/smtp-outcome.js';
import type { SmtpTestServer } from './smtp-server.js';

/** Options for a test server, with the given ones over them. */
export function optionsFor(server: SmtpTestServer, options: Partial<SmtpOptions> = {}): SmtpOptions {
  return {
    host: '127.0.0.1',
    port: server.port,
    tls: 'opportunistic',
    verifyCertificate: true,
    credentials: null,
    ...options,
  };
}

export async function openConnection(
  server: SmtpTestServer,
  options: Partial<SmtpOptions> = {},
): Promise<SmtpConnection> {
  const opened = await SmtpConnection.open(optionsFor(server, options));
  if (opened.ok) return opened.connection;
  throw new Error(`no connection: ${JSON.stringify(opened.outcome)}`);
}

/** Whether letters with these outcomes, in their order, are the end of a connection: four are refused in a row, or nine in all. */
export function wearsOut(outcomes: readonly SendOutcome[]): boolean {
  const kinds = outcomes.map(({ kind }) => kind).filter((kind) => kind !== 'lost');
  const refused = kinds.filter((kind) => kind === 'refused').length;
  return refused >= 9 || kinds.join(' ').includes('refused refused refused refused');
}
