/**
 * Takes every letter and throws it away, as smtp-sink does, and offers CHUNKING (RFC 3030) besides, which smtp-sink of Postfix does not.
 * Arguments: port; milliseconds that each letter takes, one after another on a connection, all connections at once (0); whether it offers
 * CHUNKING (1) or not (0).
 */
import { createServer, type Socket } from 'node:net';

const [port = 0, letterMs = 0, offersChunking = 1] = process.argv.slice(2).map(Number);
const END_OF_DATA = Buffer.from('\r\n.\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);
const OK = '250 2.0.0 Ok\r\n';
const REPLIES: Record<string, string> = {
  EHLO: `250-chunking-sink\r\n${offersChunking ? '250-CHUNKING\r\n' : ''}250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n`,
  HELO: OK,
  MAIL: '250 2.1.0 Ok\r\n',
  RCPT: '250 2.1.5 Ok\r\n',
  DATA: '354 End data with <CR><LF>.<CR><LF>\r\n',
  RSET: OK,
  NOOP: OK,
  QUIT: '221 2.0.0 Bye\r\n',
};

createServer({ noDelay: true }, serve).listen(port, '127.0.0.1', 1024);

function serve(socket: Socket): void {
  let input: Buffer = NOTHING;
  let isInData = false;
  /** Octets of a chunk that are still to come. */
  let chunkLeft = 0;
  /** A letter is taking its time; what comes behind it waits. */
  let isBusy = false;
  let output = '220 chunking-sink ESMTP\r\n';

  const takeOne = (): boolean => {
    if (isBusy) return false;
    if (chunkLeft > 0) return skipChunk();
    const mark = isInData ? END_OF_DATA : LINE_END;
    const end = input.indexOf(mark);
    if (end === -1) {
      // The mark may be cut in two.
      if (isInData) input = input.subarray(Math.max(0, input.length - END_OF_DATA.length + 1));
      return false;
    }
    const line = isInData ? '' : input.toString('latin1', 0, end);
    input = input.subarray(end + mark.length);
    if (isInData) takeLetter();
    else obey(line);
    isInData = line === 'DATA';
    return input.length > 0;
  };

  const obey = (line: string): void => {
    const size = /^BDAT (\d+)/.exec(line)?.[1];
    if (size === undefined) output += REPLIES[line.slice(0, 4).toUpperCase()] ?? '500 5.5.2 What?\r\n';
    else if (size === '0') takeLetter();
    else chunkLeft = Number(size);
  };

  const skipChunk = (): boolean => {
    const skipped = Math.min(chunkLeft, input.length);
    input = input.subarray(skipped);
    chunkLeft -= skipped;
    if (chunkLeft === 0) takeLetter();
    return input.length > 0;
  };

  const takeLetter = (): void => {
    if (letterMs === 0) {
      output += OK;
      return;
    }
    isBusy = true;
    setTimeout(() => {
      isBusy = false;
      output += OK;
      work();
    }, letterMs);
  };

  const flush = (): void => {
    if (output !== '' && socket.writable) socket.write(output, 'latin1');
    output = '';
  };

  const work = (): void => {
    while (takeOne());
    const isLeaving = output.endsWith(REPLIES['QUIT'] ?? '');
    flush();
    if (isLeaving) socket.end();
  };

  socket.on('data', (chunk: Buffer) => {
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
    work();
  });
  socket.on('error', () => socket.destroy());
  flush();
}
