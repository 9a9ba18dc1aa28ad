import { Hono } from 'hono';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import type { Cache } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import { visitorOf, type WebEnv } from '../ui/view.js';
import { findVisible } from './mailing-path.js';
import { findMailingContent } from './mailing-store.js';
import { readReport } from './read-report.js';
import { ReportPage } from './report-page.js';
import { DOMAIN_SORTS } from './report.js';

/** The report of a finished mailing. What is not finished has its own page. */
export function reportRoutes({ db, cache }: { db: Database; cache: Cache }): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/report', async (c) => {
    const view = c.get('view');
    const mailing = await findVisible(db, c);
    const { id, ownerId, status } = mailing;
    if (status !== 'finished') return c.redirect(`/mailings/${id}`, 303);
    const entry = { name: 'report', visitor: visitorOf(view), owners: ownerId, params: { id } };
    const [figures, owner, content] = await Promise.all([
      cache.read(entry, () => readReport(db, ownerId, id)),
      findOtherOwner(db, view, ownerId),
      findMailingContent(db, ownerId, id),
    ]);
    // Sent again this very moment.
    if (!figures) return c.redirect(`/mailings/${id}`, 303);
    const list = parseListQuery(view.query, DOMAIN_SORTS, '-audience');
    return c.html(
      <ReportPage view={view} mailing={mailing} owner={owner} figures={figures} list={list} content={content} />,
    );
  });

  return routes;
}
