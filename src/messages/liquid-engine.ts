import { Liquid, type FilterImplOptions } from 'liquidjs';

import { MAX_BODY } from './message.js';

/* Liquid with what a message may use, and with memory counted. */

const MAX_MEMORY = 500_000;

/**
 * Left out: what reads other files, what makes HTML of its own, `capture`, which doubles a text uncounted, and filters that
 * compile text of their arguments or give another letter at every try.
 */
const REFUSED_TAGS = ['include', 'render', 'layout', 'block', 'tablerow', 'capture'];
const REFUSED_FILTERS = [
  'where_exp',
  'reject_exp',
  'group_by_exp',
  'has_exp',
  'find_exp',
  'find_index_exp',
  'sample',
  'inspect',
  'sha256',
  'hmac_sha256',
];

export function openEngine(): Liquid {
  const opened = new Liquid({
    templates: {},
    ownPropertyOnly: true,
    strictFilters: true,
    parseLimit: MAX_BODY,
    memoryLimit: MAX_MEMORY,
  });
  for (const name of REFUSED_TAGS) delete opened.tags[name];
  for (const name of REFUSED_FILTERS) opened.unregisterFilter(name);
  for (const [name, filter] of Object.entries(opened.filters)) opened.registerFilter(name, weighing(filter));
  return opened;
}

type FilterHandler = Extract<FilterImplOptions, (...values: never[]) => unknown>;

/** Liquid counts an array by its length: of long texts, or of itself again and again, it is larger than that. */
function weighing(filter: FilterImplOptions): FilterImplOptions {
  return typeof filter === 'function' ? weighed(filter) : { ...filter, handler: weighed(filter.handler) };
}

function weighed(handler: FilterHandler): FilterHandler {
  return function* (...values) {
    const result: unknown = yield handler.apply(this, values);
    this.context.memoryLimit.use(weigh(result, MAX_MEMORY));
    return result;
  };
}

/** How many characters and elements a value has in all, counted until there are more than `limit`. */
function weigh(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let weight = 1;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    weight += weigh(part, limit - weight);
    if (weight > limit) break;
  }
  return weight;
}
