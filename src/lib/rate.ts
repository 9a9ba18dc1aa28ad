// pure
import { z } from 'zod';

import type { LimitSeconds } from './schema.js';

/** So many letters at most, in so many seconds: what administrators and owners set. */
export interface Rate {
  letters: number;
  seconds: LimitSeconds;
}

export const LIMIT_UNITS = ['second', 'minute', 'hour', 'day'] as const;
type LimitUnit = (typeof LIMIT_UNITS)[number];

const SECONDS: Record<LimitUnit, LimitSeconds> = { second: 1, minute: 60, hour: 3600, day: 86_400 };
const MOST_LETTERS = 1_000_000_000;

/** The two columns that a table keeps it in: both null for no limit. */
export interface RateColumns {
  lettersLimit: number | null;
  limitSeconds: LimitSeconds | null;
}

export function toRate({ lettersLimit, limitSeconds }: RateColumns): Rate | null {
  return lettersLimit === null || limitSeconds === null ? null : { letters: lettersLimit, seconds: limitSeconds };
}

export function findUnit(seconds: LimitSeconds): LimitUnit {
  return LIMIT_UNITS.find((unit) => SECONDS[unit] === seconds) ?? 'second';
}

/** The two fields of a form: `letters`, where empty means no limit, and `per`, a unit. */
export const rateFields = {
  letters: z
    .string()
    .optional()
    .transform((text = '') => text.replaceAll(/\s/g, ''))
    .refine((text) => text === '' || isCount(text), { error: 'letterCount' })
    .transform((text) => (text === '' ? null : Number(text))),
  per: z
    .enum(LIMIT_UNITS, { error: 'choice' })
    .default('minute')
    .transform((unit) => SECONDS[unit]),
};

export function joinRate({ letters, per }: { letters: number | null; per: LimitSeconds }): Rate | null {
  return letters === null ? null : { letters, seconds: per };
}

export function typeRate(rate: Rate | null): { letters: string; per: LimitUnit } {
  return rate ? { letters: String(rate.letters), per: findUnit(rate.seconds) } : { letters: '', per: 'minute' };
}

/** For the `letters` of a form that wants a limit. */
export const demandedLetters = rateFields.letters
  .refine((count) => count !== null, { error: 'required' })
  .transform((count) => count ?? 0);

/** In any language, for the audit log: `100 / 60 s`. */
export function writeRate({ letters, seconds }: Rate): string {
  return `${letters} / ${seconds} s`;
}

function isCount(text: string): boolean {
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) <= MOST_LETTERS;
}
