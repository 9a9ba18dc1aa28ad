import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { CLOSED, type LossCause, type SmtpFault } from './smtp-outcome.js';

export interface Encryption {
  host: string;
  verifyCertificate: boolean;
  /** PEM; the system's own where undefined. */
  certificateAuthority: string | undefined;
  timeoutMs: number;
}

type Written = (error?: Error | null) => void;

const FAREWELL_MS = 1000;

/** A socket that is connected, or why there is none. */
export async function openSocket(
  host: string,
  port: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<{ ok: true; socket: Socket } | { ok: false; fault: SmtpFault }> {
  if (signal?.aborted) return { ok: false, fault: CLOSED };
  const socket = connectPlain({ host, port, noDelay: true, keepAlive: true });
  const cut = () => socket.destroy();
  signal?.addEventListener('abort', cut);
  const fault = await awaitSocket(socket, 'connect', timeoutMs, 'connection');
  signal?.removeEventListener('abort', cut);
  if (fault) return { ok: false, fault: signal?.aborted ? CLOSED : fault };
  return { ok: true, socket };
}

/** TLS over a socket that nobody listens to any more; with a fault the new one is destroyed already. */
export async function encryptSocket(
  plain: Socket,
  { host, verifyCertificate, certificateAuthority, timeoutMs }: Encryption,
): Promise<{ socket: TLSSocket; fault: SmtpFault | null }> {
  const socket = connectTls({
    socket: plain,
    host,
    servername: isIP(host) === 0 ? host : '',
    rejectUnauthorized: verifyCertificate,
    ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
  });
  return { socket, fault: await awaitSocket(socket, 'secureConnect', timeoutMs, 'tls') };
}

/**
 * A write that fails is told, and does not end the socket. The kernel resets the connection of a server that closes it with commands unread;
 * what the server said before is still to be read, and Node.js would throw it away.
 */
export function keepReading(socket: Socket, onWriteError: (error: Error) => void): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const guard = (callback: Written): Written => {
    return (error) => (error ? onWriteError(error) : callback());
  };
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, guard(callback));
  if (writev) socket._writev = (chunks, callback) => writev(chunks, guard(callback));
}

/** Ends it with a QUIT whose reply nobody waits for (RFC 5321 3.1: also after a greeting that refuses). */
export function sayQuit(socket: Socket): void {
  // What comes meanwhile is thrown away, and a server that never stops talking is not listened to for longer.
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  socket.resume();
  socket.end('QUIT\r\n');
}

/** Happy Eyeballs (RFC 8305) wraps one error for each address into one that says nothing; OpenSSL's names files and lines of its own. */
export function describeError(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const inner = first instanceof Error ? first : error;
  return 'reason' in inner && typeof inner.reason === 'string' && inner.message.includes(':SSL routines:')
    ? inner.reason
    : inner.message;
}

export function ignore(): void {}

function awaitSocket(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  timeoutMs: number,
  cause: LossCause,
): Promise<SmtpFault | null> {
  const what = cause === 'tls' ? 'TLS could not be agreed' : 'no connection';
  return new Promise((resolve) => {
    const finish = (fault: SmtpFault | null): void => {
      clearTimeout(timer);
      socket.off(readyEvent, onReady).off('close', onClose).off('error', onError).on('error', ignore);
      if (fault) socket.destroy();
      resolve(fault);
    };
    const onReady = (): void => finish(null);
    const onClose = (): void => finish({ cause, error: `${what}: closed by the server` });
    const onError = (error: Error): void => finish({ cause, error: `${what}: ${describeError(error)}` });
    const timer = setTimeout(
      () => finish({ cause: 'timeout', error: `${what}: the server did not answer in time` }),
      timeoutMs,
    );
    socket.once(readyEvent, onReady).once('close', onClose).once('error', onError);
  });
}
