import { Hono } from 'hono';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import { readRetention } from '../accounts/installation-store.js';
import { findDelivery, listDeliveries, listDeliveryAttempts } from '../delivery/delivery-store.js';
import { DELIVERY_SORTS, DELIVERY_STATES } from '../delivery/delivery.js';
import { found } from '../lib/errors.js';
import { parseId } from '../lib/ids.js';
import { parseListQuery } from '../lib/list.js';
import type { WebEnv } from '../ui/view.js';
import { DeliveryListPage, DeliveryPage } from './delivery-page.js';
import { findVisible, type MailingDeps } from './mailing-path.js';

export function deliveryRoutes({ db }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/:id/deliveries', async (c) => {
    const view = c.get('view');
    const mailing = await findVisible(db, c);
    const owner = await findOtherOwner(db, view, mailing.ownerId);
    const list = parseListQuery(view.query, DELIVERY_SORTS, 'address');
    const state = DELIVERY_STATES.find((name) => name === view.query['state']) ?? null;
    const page = await listDeliveries(db, mailing.ownerId, mailing.id, list, state);
    return c.html(<DeliveryListPage view={view} mailing={mailing} owner={owner} list={list} page={page} />);
  });

  routes.get('/:id/deliveries/:deliveryId', async (c) => {
    const view = c.get('view');
    const mailing = await findVisible(db, c);
    const id = parseId(c.req.param('deliveryId'));
    const delivery = found(id && (await findDelivery(db, mailing.ownerId, mailing.id, id)));
    const owner = await findOtherOwner(db, view, mailing.ownerId);
    const attempts = await listDeliveryAttempts(db, mailing.ownerId, mailing.id, delivery.id);
    const isWhole = attempts.length >= delivery.attemptCount;
    const { keptFrom } = isWhole ? { keptFrom: null } : await readRetention(db);
    return c.html(<DeliveryPage {...{ view, mailing, owner, delivery, attempts, keptFrom }} />);
  });

  return routes;
}
