import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';

import type { EmbeddedConnection } from '../../src/lib/embedded-postgres.js';

export interface DatabaseProxy extends AsyncDisposable {
  connection: EmbeddedConnection;
  /** From now on no packet arrives, and nobody is told: neither of the connections that there are, nor, unless told, of new ones. */
  vanish: (only?: 'those that there are') => void;
  /** What was held up arrives, as it does by retransmission. */
  comeBack: () => void;
  /** Tells both sides of connections that had vanished, as the network does after a quarter of an hour. */
  cut: () => void;
}

/** How BackendKeyData begins; the number of the process follows. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12]);

interface ProxyOptions {
  /** Tells clients another number than that of the process which serves them. */
  isPooler?: boolean;
}

/** A way to the database on which packets can vanish. */
export async function openDatabaseProxy(
  connection: EmbeddedConnection,
  { isPooler = false }: ProxyOptions = {},
): Promise<DatabaseProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let isAway = false;
  const server = createServer((near) => {
    const far = connect(join(connection.host, `.s.PGSQL.${connection.port}`));
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    for (const socket of pair) socket.on('error', () => {}).on('close', () => end(pair));
    near.pipe(far);
    if (isPooler) far.on('data', renumber);
    far.pipe(near);
    if (isAway) hold(pair);
  });
  const end = (pair: [Socket, Socket]) => {
    pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  };
  const hold = ([near, far]: [Socket, Socket]) => {
    near.unpipe(far);
    far.unpipe(near);
    near.pause();
    far.pause();
  };
  const cut = () => {
    for (const pair of pairs) end(pair);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    connection: { ...connection, host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    vanish(only) {
      isAway = only === undefined;
      for (const pair of pairs) hold(pair);
    },
    comeBack() {
      isAway = false;
      for (const [near, far] of pairs) {
        near.pipe(far);
        far.pipe(near);
      }
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** In place, before it is passed on. */
function renumber(chunk: Buffer): void {
  const at = chunk.indexOf(KEY_DATA);
  if (at >= 0) chunk.writeInt32BE(2_000_000_000, at + KEY_DATA.length);
}
