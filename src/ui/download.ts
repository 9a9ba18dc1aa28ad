import type { Context } from 'hono';

import type { WebEnv } from './view.js';

interface FileKind {
  /** ASCII, without quotes. */
  name: string;
  contentType: string;
}

/**
 * A file that is sent as it is written: whatever its length, no more of it than a chunk is in memory. An error on the way breaks the
 * connection off, so that nobody takes a part for the whole. So does the end of the session: who reads slowly gets nothing of what came after.
 */
export function download(
  c: Context<WebEnv>,
  { name, contentType }: FileKind,
  chunks: AsyncGenerator<string | Uint8Array, void>,
): Response {
  const encoder = new TextEncoder();
  const isStillSignedIn = c.get('isStillSignedIn');
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (isStillSignedIn && !(await isStillSignedIn())) {
        await chunks.return(undefined);
        throw new Error('the session ended before the file did');
      }
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(typeof next.value === 'string' ? encoder.encode(next.value) : next.value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
  return c.body(body, 200, {
    'Content-Type': contentType,
    'Content-Disposition': `attachment; filename="${name}"`,
    'Cache-Control': 'private, no-store',
  });
}
