import { createInstance, type TFunction } from 'i18next';

import { en } from '../locales/en.js';
import { ru } from '../locales/ru.js';

export const LOCALES = ['ru', 'en'] as const;
export type Locale = (typeof LOCALES)[number];
export type Translate = TFunction;

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

const i18n = createInstance();
await i18n.init({
  initAsync: false,
  fallbackLng: 'en',
  supportedLngs: LOCALES,
  resources: { en: { translation: en }, ru: { translation: ru } },
  // Pages escape what they print; a letter's text is not HTML at all.
  interpolation: { escapeValue: false },
});

const translators = { ru: i18n.getFixedT('ru'), en: i18n.getFixedT('en') };

export function translate(locale: Locale): Translate {
  return translators[locale];
}

export function isLocale(text: unknown): text is Locale {
  return LOCALES.some((locale) => locale === text);
}

/** The first language of an Accept-Language header (RFC 9110, section 12.5.4) that there is, by its weights. */
export function preferLocale(acceptLanguage: string | undefined, fallback: Locale): Locale {
  const ranked = (acceptLanguage ?? '')
    .split(',')
    .map((item) => {
      const [tag = '', ...parameters] = item.trim().toLowerCase().split(';');
      const weight = parameters.map((p) => p.trim()).find((p) => p.startsWith('q='));
      return { language: tag.trim().split('-')[0], weight: weight ? Number(weight.slice(2)) : 1 };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight);
  return ranked.map(({ language }) => language).find(isLocale) ?? fallback;
}
