import type { Context } from 'hono';

interface FileKind {
  /** ASCII, without quotes. */
  name: string;
  contentType: string;
}

/**
 * A file that is sent as it is written: whatever its length, no more of it than a chunk is in memory. An error on the way breaks the
 * connection off, so that nobody takes a part for the whole.
 */
export function download(
  c: Context,
  { name, contentType }: FileKind,
  chunks: AsyncGenerator<string | Uint8Array, void>,
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
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
