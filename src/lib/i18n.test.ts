import { expect, test } from 'vitest';

import { en } from '../locales/en.js';
import { ru } from '../locales/ru.js';
import { isLocale, preferLocale, translate } from './i18n.js';

const FORMS = { en: ['one', 'other'], ru: ['few', 'many', 'one', 'other'] };
const PLURAL = /^(?<base>.+)_(?<form>zero|one|two|few|many|other)$/;

/** Every text by its key; plural forms under the key without its ending. */
function readTexts(tree: object, prefix = ''): [key: string, text: string][] {
  return Object.entries(tree).flatMap(([name, value]: [string, unknown]) => {
    const key = `${prefix}${name}`;
    if (typeof value === 'object' && value !== null) return readTexts(value, `${key}.`);
    return [[key, String(value)] as [string, string]];
  });
}

const groupTexts = (tree: object) => Map.groupBy(readTexts(tree), ([key]) => PLURAL.exec(key)?.groups?.['base'] ?? key);

const readVariables = (text: string) =>
  [...text.matchAll(/\{\{-?\s*([^},\s]+)[^}]*\}\}/g)].map(([, name = '']) => name);

/** Variables of all forms together, but `count`, which a form such as “one field” may leave out. */
const readAllVariables = (texts: [string, string][] = []) =>
  [...new Set(texts.flatMap(([, text]) => readVariables(text)))].filter((name) => name !== 'count').toSorted();

const [english, russian] = [groupTexts(en), groupTexts(ru)];

test('English and Russian have the same texts', () => {
  expect([...russian.keys()].toSorted()).toEqual([...english.keys()].toSorted());
});

const readForms = (group: [string, string][]) =>
  group.map(([key]) => PLURAL.exec(key)?.groups?.['form'] ?? '').toSorted();

test('every plural text has all forms of its language', () => {
  const isPlural = ([, group]: [string, [string, string][]]) => readForms(group).some((form) => form !== '');
  for (const [base, group] of [...english].filter(isPlural))
    expect([base, ...readForms(group)]).toEqual([base, ...FORMS.en]);
  for (const [base, group] of [...russian].filter(isPlural))
    expect([base, ...readForms(group)]).toEqual([base, ...FORMS.ru]);
});

test('a text that is plural in one language is plural in the other', () => {
  const plurals = (texts: typeof english) => [...texts].filter(([, group]) => group.length > 1).map(([base]) => base);
  expect(plurals(russian).toSorted()).toEqual(plurals(english).toSorted());
});

test('both languages fill in the same variables', () => {
  for (const [key, texts] of english) {
    expect([key, readAllVariables(russian.get(key))]).toEqual([key, readAllVariables(texts)]);
  }
});

test('every form that can be said of several numbers shows the number', () => {
  // In Russian “one” is said of 1, 21, 31, …; in English of 1 alone.
  for (const [base, group] of [...english, ...russian]) {
    const withNumber = group.filter(([, text]) => /\{\{\s*(?:count|number)/.test(text)).map(([key]) => key);
    if (withNumber.length === 0) continue;
    const without = group.map(([key]) => key).filter((key) => !withNumber.includes(key));
    const mayBeWithout = english.get(base) === group ? [`${base}_one`] : [];
    expect(without.filter((key) => !mayBeWithout.includes(key))).toEqual([]);
  }
});

test('no text is empty', () => {
  const empty = [...readTexts(en), ...readTexts(ru)].filter(([, text]) => text.trim() === '');
  expect(empty).toEqual([]);
});

test('Russian counts recipients as Russian does', () => {
  const t = translate('ru');
  const say = (count: number) => t('recipients.flash.deleted', { count });
  expect([0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 112, 1001].map(say)).toEqual([
    'Удалено 0 получателей.',
    'Удалён 1 получатель.',
    'Удалены 2 получателя.',
    'Удалены 4 получателя.',
    'Удалено 5 получателей.',
    'Удалено 11 получателей.',
    'Удалено 12 получателей.',
    'Удалено 14 получателей.',
    'Удалён 21 получатель.',
    'Удалены 22 получателя.',
    'Удалено 25 получателей.',
    'Удалён 101 получатель.',
    'Удалено 111 получателей.',
    'Удалено 112 получателей.',
    'Удалён 1001 получатель.',
  ]);
  const total = (count: number) => t('recipients.list.total', { count, number: String(count) });
  expect([1, 2, 5, 11, 21, 101].map(total)).toEqual([
    '1 получатель',
    '2 получателя',
    '5 получателей',
    '11 получателей',
    '21 получатель',
    '101 получатель',
  ]);
  expect(translate('en')('recipients.flash.deleted', { count: 1 })).toBe('1 recipient was deleted.');
  expect(translate('en')('recipients.flash.deleted', { count: 21 })).toBe('21 recipients were deleted.');
});

test('shows what is filled in as it is, whatever it looks like', () => {
  const t = translate('ru');
  for (const email of ['<b>&"', '{{count}}', '$t(common.save)', '{{- email}}', '$&', '$1']) {
    expect(t('recipients.flash.added', { email })).toBe(`Получатель ${email} добавлен.`);
  }
});

test.each([
  [undefined, 'en'],
  ['', 'en'],
  ['ru', 'ru'],
  ['ru-RU,ru;q=0.9,en;q=0.8', 'ru'],
  ['en-US,en;q=0.9,ru;q=0.8', 'en'],
  ['en;q=0.5, ru;q=0.9', 'ru'],
  ['de, fr;q=0.9, RU;q=0.1', 'ru'],
  ['de-DE,de;q=0.9', 'en'],
  ['ru;q=0, en', 'en'],
  ['ru;q=0', 'en'],
  ['ru ; q=0.3 , en ; q=0.2', 'ru'],
  ['ru;q=nonsense', 'en'],
  ['*', 'en'],
  [',;,;;q=,', 'en'],
] as const)('of “%s” chooses %s', (header, locale) => {
  expect(preferLocale(header, 'en')).toBe(locale);
});

test('keeps to the default where the browser asks for another language', () => {
  expect(preferLocale('de', 'ru')).toBe('ru');
  expect(preferLocale(undefined, 'ru')).toBe('ru');
});

test('knows its own languages alone', () => {
  expect([isLocale('ru'), isLocale('en'), isLocale('de'), isLocale('RU'), isLocale(undefined)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
