/** What Postfix asks others for while it takes a letter: whether a recipient may be written to, and whether a login is right. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { LOGIN } from './mail-server.js';

interface Service extends AsyncDisposable {
  port: number;
}

/** Postfix's policy delegation: `name=value` lines and an empty one; answered by an action. */
export function startPolicyService(findRefusal: (recipient: string) => string | undefined): Promise<Service> {
  return startService((socket) => {
    readBlocks(socket, '\n\n', (request) => {
      const recipient = /^recipient=(.*)$/m.exec(request)?.[1] ?? '';
      socket.write(`action=${findRefusal(recipient) ?? 'DUNNO'}\n\n`);
    });
  });
}

/** Dovecot's authentication protocol, with PLAIN (RFC 4616) and one login. */
export function startLoginService(): Promise<Service> {
  const expected = Buffer.from(`\0${LOGIN.user}\0${LOGIN.password}`).toString('base64');
  return startService((socket) => {
    socket.write('VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef\nDONE\n');
    readBlocks(socket, '\n', (line) => {
      const [command, id = '', ...parameters] = line.split('\t');
      if (command !== 'AUTH') return;
      const isRight = parameters.includes(`resp=${expected}`);
      socket.write(`${isRight ? 'OK' : 'FAIL'}\t${id}\tuser=${LOGIN.user}\n`);
    });
  });
}

async function startService(serve: (socket: Socket) => void): Promise<Service> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy()));
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function readBlocks(socket: Socket, end: string, take: (block: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    const blocks = (rest + String(chunk)).split(end);
    rest = blocks.pop() ?? '';
    for (const block of blocks) take(block);
  });
}
