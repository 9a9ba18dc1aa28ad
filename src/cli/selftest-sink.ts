/** A mail server that takes every letter, and remembers only how often one came for each address. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';

import { SMTPServer } from 'smtp-server';

export interface SelftestSink extends AsyncDisposable {
  url: string;
  /** By address. */
  counts: Map<string, number>;
  /** Letters that have come. */
  readonly arrived: number;
  /** From the first letter to the latest one. */
  readonly seconds: number;
}

/** `onLetter` is told after a letter was counted, and before its sender is told. */
export async function startSelftestSink(onLetter: () => void): Promise<SelftestSink> {
  const counts = new Map<string, number>();
  let arrived = 0;
  let [firstAt, lastAt] = [0, 0];
  const take = (addresses: string[]) => {
    for (const address of addresses) counts.set(address, (counts.get(address) ?? 0) + 1);
    arrived += 1;
    lastAt = performance.now();
    if (arrived === 1) firstAt = lastAt;
    onLetter();
  };
  const server = new SMTPServer({
    name: 'localhost',
    banner: 'self-test',
    disabledCommands: ['STARTTLS', 'AUTH'],
    hideSTARTTLS: true,
    disableReverseLookup: true,
    logger: false,
    onData(stream, { envelope }, callback) {
      stream.resume();
      stream.once('end', () => {
        take(envelope.rcptTo.map(({ address }) => address));
        callback();
      });
    },
  });
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Connections of killed processes end so.
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    counts,
    get arrived() {
      return arrived;
    },
    get seconds() {
      return (lastAt - firstAt) / 1000;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
