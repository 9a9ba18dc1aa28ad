import type { Child } from 'hono/jsx';

interface LivePartProps {
  /** Where the part is, with its query. */
  href: string;
  /** A mailing runs. */
  isRunning: boolean;
  children?: Child;
}

/** Asks for itself every second while a mailing runs, as a page's numbers must not be older than two. */
export function LivePart({ href, isRunning, children }: LivePartProps) {
  return isRunning ? <div data-live={href}>{children}</div> : <div>{children}</div>;
}

/** Waits for the first mailing to run, and then has the whole page loaded again, which is live from then on. */
export function AwaitRunning({ href }: { href: string }) {
  return <div data-live={`${href}?before=start`}></div>;
}
