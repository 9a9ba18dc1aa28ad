import { followEvents } from './live-events.js';
import { morphChildren } from './morph.js';

/*
 * A live part shows what changes while its page is seen: by the events of `data-live-events` where there are such, and else by asking for
 * itself every second (or `data-live-seconds`). The end of what it shows (the header `x-live: done`, the event `done`) loads the page once more
 * as a whole, because its heading and its buttons change with it.
 */

const LONGEST_INTERVAL_MS = 30_000;
/** After so long a page asks for events again that has got none; one that had some, as soon as the server answers. */
const AGAIN_MS = 60_000;

export function keepLive(element: HTMLElement): void {
  void follow(element, element.dataset['live'] ?? '');
}

async function follow(element: HTMLElement, url: string): Promise<void> {
  const events = element.dataset['liveEvents'];
  const mayListen = events !== undefined && 'EventSource' in window;
  if (mayListen && (await listen(element, url, events)) === 'ended') return;
  await ask(element, url);
}

/** `silent`: what stands between lets no events through, and would not the next time either. */
async function listen(element: HTMLElement, url: string, events: string): Promise<'ended' | 'silent'> {
  let hasEverHeard = false;
  for (;;) {
    let hasHeard = false;
    const end = await followEvents(events, (parts) => {
      hasHeard = hasEverHeard = true;
      sessionStorage.removeItem(reloadMark(url));
      for (const [name, html] of Object.entries(parts)) showPart(element, name, html);
    });
    if (end === 'gone') location.reload();
    if (end === 'done') reloadOnce(url);
    if (end === 'gone' || end === 'done') return 'ended';
    if (end === 'silent' && !hasEverHeard) return 'silent';
    if ((await ask(element, url, hasHeard ? 0 : AGAIN_MS)) === 'ended') return 'ended';
  }
}

/** `again`: the server has come back, or has answered for `untilMs`: there may be events now. */
async function ask(element: HTMLElement, url: string, untilMs = Infinity): Promise<'ended' | 'again'> {
  const intervalMs = 1000 * Number(element.dataset['liveSeconds'] ?? 1);
  const until = performance.now() + untilMs;
  let failures = 0;
  while (element.isConnected) {
    await pause(Math.min(intervalMs * 2 ** failures, LONGEST_INTERVAL_MS));
    await untilVisible();
    const part = await fetchPart(url);
    if (part === undefined) {
      failures += 1;
      continue;
    }
    if (part === 'moved') location.reload();
    else if (part.done) reloadOnce(url);
    if (part === 'moved' || part.done) return 'ended';
    sessionStorage.removeItem(reloadMark(url));
    replaceContent(element, part.html);
    if (untilMs < Infinity && (failures > 0 || performance.now() > until)) return 'again';
    failures = 0;
  }
  return 'ended';
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

function showPart(element: HTMLElement, name: string, html: string): void {
  const place = element.querySelector<HTMLElement>(`[data-part="${CSS.escape(name)}"]`);
  if (place) replaceContent(place, html);
}

function replaceContent(element: HTMLElement, html: string): void {
  const template = document.createElement('template');
  template.innerHTML = html;
  morphChildren(element, template.content);
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
