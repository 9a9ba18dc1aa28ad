import { expect, test } from 'vitest';

import type { MailingSummary } from '../delivery/mailing-summary.js';
import { translate, type Locale } from '../lib/i18n.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';
import { ReportTime } from './report-time.js';

const mailing = { startedAt: null, stoppedAt: null, finishedAt: null } as Mailing;

/** Of so many letters in 20 seconds. */
function sayAverage(locale: Locale, letters: number): string | undefined {
  const summary = {
    firstAt: '2026-05-10T12:00:00Z',
    lastAt: '2026-05-10T12:00:20Z',
    tries: [letters],
    accepted: [letters],
    stretchSeconds: 20,
  } as MailingSummary;
  const view = { t: translate(locale), locale, timeZone: 'UTC' } as View;
  const html = (
    (<ReportTime view={view} mailing={mailing} summary={summary} />) as { toString: () => string }
  ).toString();
  return /<dd>([^<]*)<\/dd><\/dl>/.exec(html)?.[1]?.replaceAll('\u00a0', ' ');
}

test.each([
  [1, '0.05 letters a second', '0,05 письма в секунду'],
  [20, '1 letter a second', '1 письмо в секунду'],
  [42, '2.1 letters a second', '2,1 письма в секунду'],
  [440, '22 letters a second', '22 письма в секунду'],
  [24_690, '1,235 letters a second', '1 235 писем в секунду'],
])('tells of %d letters in 20 seconds as people say it', (letters, english, russian) => {
  expect(sayAverage('en', letters)).toBe(english);
  expect(sayAverage('ru', letters)).toBe(russian);
});
