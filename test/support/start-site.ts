import { cacheInMemory } from '../../src/lib/cache.js';
import type { Database } from '../../src/lib/database.js';
import type { Locale } from '../../src/lib/i18n.js';
import { onboardingRoutes } from '../../src/onboarding/onboarding-routes.js';
import { openSignedInSite } from './signed-in-site.js';

export const NOW = new Date('2026-05-10T12:00:00Z');

/** The start page alone, with its visitor signed in. */
export function openStartSite(db: Database, options: { locale?: Locale; ownerId?: number } = {}) {
  return openSignedInSite(
    db,
    '/',
    onboardingRoutes({ db, cache: cacheInMemory({ db, secret: 'of the tests' }), clock: { now: () => NOW } }),
    { now: NOW, ...options },
  );
}
