const encoder = new TextEncoder();

/** Milliseconds after which the browser comes back after a break. Sent at once, so that what stands between passes on the head. */
const OPENING = encoder.encode('retry: 2000\n:\n\n');

interface LiveStreamOptions {
  /** The reader takes one more message. */
  onReady: () => void;
  /** The reader is gone, or the end was read. */
  onClosed: () => void;
  /** Breaks the connection off. */
  abandon: () => void;
}

/**
 * One open page. It is given a message only when its reader asks for one, that is when the one before has left this process: of a reader
 * that is slow or asleep nothing piles up, and what it missed it gets as the latest state.
 */
export class LiveStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: LiveStreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Since when the reader has not asked; null while it waits for a message. */
  #busySince: number | null = performance.now();
  #isEnded = false;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          controller.enqueue(OPENING);
        },
        pull: () => {
          this.#busySince = null;
          // Not within the reader's own call.
          queueMicrotask(options.onReady);
        },
        cancel: () => {
          this.#isEnded = true;
          options.onClosed();
        },
      },
      { highWaterMark: 0 },
    );
  }

  get isReady(): boolean {
    return this.#busySince === null && !this.#isEnded;
  }

  /** Only while it is ready. */
  send(message: Uint8Array): void {
    this.#busySince = performance.now();
    this.#controller?.enqueue(message);
  }

  /** Without a message the stream just ends. */
  end(message?: Uint8Array): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (message) this.#controller?.enqueue(message);
    this.#controller?.close();
    this.#options.onClosed();
  }

  abandon(): void {
    this.end();
    this.#options.abandon();
  }

  /** Milliseconds for which the reader has not asked for more. */
  busyFor(): number {
    return this.#busySince === null ? 0 : performance.now() - this.#busySince;
  }
}

/** An event of a stream (WHATWG HTML, section 9.2.5): each line of its data bears the name again. */
export function encodeEvent(event: string, data = ''): Uint8Array {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return encoder.encode(`event: ${event}\n${lines.join('')}\n`);
}

/** A comment keeps connections open, and the event tells the page that this one still lives. */
export const HEARTBEAT = encoder.encode(': \nevent: beat\ndata:\n\n');
