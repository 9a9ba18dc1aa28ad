/*
 * The events of a live page (src/mailings/live-hub.ts). The stream is closed while the page is not seen: a browser allows six connections to
 * a host over HTTP/1.1, and a hidden tab must not take one of them. What it missed comes whole when it is opened again.
 */

/** The first event comes at once, and a heartbeat every 15 seconds: something between keeps them back, or the connection is dead. */
const FIRST_WITHIN_MS = 6000;
const SILENT_MS = 40_000;

type Parts = Record<string, string>;

/**
 * `done`, `gone`: the page has to be loaded anew. `refused`: there are none at present, as behind a proxy whose server is being restarted;
 * `silent`: none come through. Of these two, ask instead.
 */
type End = 'done' | 'gone' | 'refused' | 'silent';

export function followEvents(url: string, show: (parts: Parts) => void): Promise<End> {
  return new Promise((resolve) => {
    let source: EventSource | undefined;
    let watchdog = 0;

    const close = () => {
      window.clearTimeout(watchdog);
      source?.close();
      source = undefined;
    };
    const end = (how: End) => {
      close();
      document.removeEventListener('visibilitychange', follow);
      resolve(how);
    };
    const expect = (withinMs: number, otherwise: () => void) => {
      window.clearTimeout(watchdog);
      watchdog = window.setTimeout(otherwise, withinMs);
    };
    const reopen = () => {
      close();
      follow();
    };
    const open = () => {
      const opened = new EventSource(url);
      const hear = () => expect(SILENT_MS, reopen);
      opened.addEventListener('parts', ({ data }: MessageEvent<string>) => {
        hear();
        show(JSON.parse(data) as Parts);
      });
      opened.addEventListener('beat', hear);
      opened.addEventListener('done', () => end('done'));
      opened.addEventListener('gone', () => end('gone'));
      opened.addEventListener('open', () => expect(FIRST_WITHIN_MS, () => end('silent')));
      // Broken off, it tries again by itself; closed, the server gave another answer.
      opened.addEventListener('error', () => {
        if (opened.readyState === EventSource.CLOSED) end('refused');
      });
      source = opened;
    };
    function follow(): void {
      if (document.hidden) close();
      else if (!source) open();
    }
    document.addEventListener('visibilitychange', follow);
    follow();
  });
}
