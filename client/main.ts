import { confirmLeave } from './confirm-leave.js';
import { insertText } from './insert-text.js';
import { keepLive } from './live.js';
import { offerPrinting } from './print.js';
import { selectAll } from './select-all.js';
import { showCurrentTab } from './show-current-tab.js';
import { guardSubmits } from './submit-guard.js';
import { fillTimeZone } from './time-zone.js';

import './theme.css';

/* Pages work without any of this: each island only makes one thing more pleasant, where its attribute stands. */

const ISLANDS: [attribute: string, enhance: (element: HTMLElement) => void][] = [
  ['data-time-zone', fillTimeZone],
  ['data-select-all', selectAll],
  ['data-confirm-leave', confirmLeave],
  ['data-live', keepLive],
  ['data-tabs', showCurrentTab],
  ['data-print', offerPrinting],
];

for (const [attribute, enhance] of ISLANDS) {
  for (const element of document.querySelectorAll<HTMLElement>(`[${attribute}]`)) enhance(element);
}

// These listen to the whole document, so that they reach what a live part brings later.
guardSubmits();
insertText();
