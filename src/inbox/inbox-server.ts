import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';

import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { readArrivingLetter } from './arriving-letter.js';
import { LetterWriter } from './letter-writer.js';

export interface InboxServer {
  /** For the same client that sends to any other mail server. */
  url: string;
  /** Stores what has arrived in full, then hangs up. */
  stop(): Promise<void>;
}

const MAX_LETTER_BYTES = 25 * 1024 * 1024;

/**
 * A real SMTP server for letters that are to go nowhere: on the loopback interface only, without login or encryption. It takes
 * everything, and answers 250 once the letter is in the database; several processes may each run their own on one database.
 */
export async function startInboxServer({ db, log }: { db: Database; log: Log }): Promise<InboxServer> {
  const writer = new LetterWriter(db);
  const server = createServer(writer, log);
  const sockets = trackSockets(server);
  server.on('error', (error) => log.debug({ err: error }, 'a connection to the built-in inbox failed'));
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, stop: () => stopServer(server, writer, sockets) };
}

function createServer(writer: LetterWriter, log: Log): SMTPServer {
  return new SMTPServer({
    name: 'localhost',
    banner: 'Vestnik: letters stay here',
    size: MAX_LETTER_BYTES,
    rejectOversized: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    hideSTARTTLS: true,
    hideENHANCEDSTATUSCODES: false,
    disableReverseLookup: true,
    logger: false,
    // The library's own handlers, which take everything as well, wait for the next turn of the event loop.
    onMailFrom: (_address, _session, callback) => callback(),
    onRcptTo: (_address, _session, callback) => callback(),
    onData: (stream, session, callback) => {
      void answerLetter();
      async function answerLetter() {
        const fault = await receiveLetter(writer, stream, session, log);
        callback(fault);
      }
    },
  });
}

/** Null, or what to answer in place of 250. Never rejects. */
async function receiveLetter(
  writer: LetterWriter,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  log: Log,
): Promise<Error | null> {
  try {
    const source = await readSource(stream);
    // Where the sender hung up in the middle nobody hears an answer; a letter that is too large gets 552 from the library.
    if (source === null || stream.sizeExceeded) return null;
    await writer.write(readArrivingLetter(toEnvelope(session), source));
    return null;
  } catch (error) {
    log.warn({ err: error }, 'the built-in inbox could not store a letter');
    return Object.assign(new Error('The letter could not be stored, try again later'), { responseCode: 451 });
  }
}

function toEnvelope({ envelope: { mailFrom, rcptTo } }: SMTPServerSession) {
  return { sender: mailFrom ? mailFrom.address : '', recipients: rcptTo.map(({ address }) => address) };
}

function readSource(stream: SMTPServerDataStream): Promise<Buffer | null> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      if (stream.sizeExceeded) chunks = [];
      else chunks.push(chunk);
    });
    stream.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    stream.on('error', () => resolve(null));
  });
}

function trackSockets(server: SMTPServer): Set<Socket> {
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function stopServer(server: SMTPServer, writer: LetterWriter, sockets: Set<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(resolve));
  await writer.settle();
  await nextTurn();
  // What was answered is still written; a letter of which only a part has come was not answered, and is its sender's to repeat.
  for (const socket of sockets) socket.destroySoon();
  await closed;
}
