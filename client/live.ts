/*
 * A live part asks for itself every second (or `data-live-seconds`) while its page is seen, and takes the answer's place when that has
 * changed. The header `x-live: done` ends it: the page is then loaded once more as a whole, because its heading and its buttons change
 * with the end.
 */

const LONGEST_INTERVAL_MS = 30_000;
const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';

export function keepLive(element: HTMLElement): void {
  void follow(element, element.dataset['live'] ?? '');
}

async function follow(element: HTMLElement, url: string): Promise<void> {
  const intervalMs = 1000 * Number(element.dataset['liveSeconds'] ?? 1);
  let failures = 0;
  while (element.isConnected) {
    await pause(Math.min(intervalMs * 2 ** failures, LONGEST_INTERVAL_MS));
    await untilVisible();
    const part = await fetchPart(url);
    if (part === 'moved') return location.reload();
    failures = part === undefined ? failures + 1 : 0;
    if (part === undefined) continue;
    if (part.done) return reloadOnce(url);
    sessionStorage.removeItem(reloadMark(url));
    replaceContent(element, part.html);
  }
}

interface Part {
  html: string;
  done: boolean;
}

/** Undefined when the server is out of reach or in trouble; "moved" when it leads elsewhere, as after the end of a session. */
async function fetchPart(url: string): Promise<Part | 'moved' | undefined> {
  try {
    const response = await fetch(url, { headers: { 'x-fragment': '1' }, redirect: 'manual' });
    if (response.type === 'opaqueredirect') return 'moved';
    if (!response.ok) return undefined;
    return { html: await response.text(), done: response.headers.get('x-live') === 'done' };
  } catch {
    return undefined;
  }
}

/** Leaves what has not changed alone: screen readers would read it out again, and a selection in it would go. */
function replaceContent(element: HTMLElement, html: string): void {
  const template = document.createElement('template');
  template.innerHTML = html;
  if (template.innerHTML === element.innerHTML) return;
  const focused = listFocusable(element).findIndex((part) => part === document.activeElement);
  element.replaceChildren(template.content);
  if (focused >= 0) listFocusable(element)[focused]?.focus({ preventScroll: true });
}

function listFocusable(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>(FOCUSABLE)];
}

/** The mark keeps a page that is still live after its reload from loading itself for ever. */
function reloadOnce(url: string): void {
  const mark = reloadMark(url);
  if (sessionStorage.getItem(mark) !== null) return sessionStorage.removeItem(mark);
  sessionStorage.setItem(mark, '1');
  location.reload();
}

function reloadMark(url: string): string {
  return `reloaded ${url}`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    window.setTimeout(resolve, milliseconds);
  });
}

async function untilVisible(): Promise<void> {
  while (document.hidden) {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
    });
  }
}
