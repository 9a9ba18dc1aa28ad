import { findFreePort, findProgram, serve, serveScript, type Service } from './processes.js';

const BACKLOG = '1024';

export interface Sink extends Service {
  name: string;
}

/** Postfix's test server: takes every letter and throws it away. Where it is not installed one of our own, which is slower. */
export async function startSink(): Promise<Sink> {
  const program = findProgram('smtp-sink');
  if (program === undefined) return { name: 'sink of our own', ...(await serveScript('chunking-sink.ts', [0, 0])) };
  const port = await findFreePort();
  // It refuses to be root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  return { name: 'smtp-sink', ...(await serve(port, program, [...user, `127.0.0.1:${port}`, BACKLOG])) };
}
