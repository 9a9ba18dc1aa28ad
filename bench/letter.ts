/** What everybody sends: about 5 KB on the wire, personalised in subject and text, as plain text and HTML. */

const PARAGRAPH =
  'Мы собрали для вас новости недели: что появилось в магазине, что снова в наличии и где сейчас выгоднее. ' +
  'Всё, что отложено в корзине, ждёт до воскресенья, а заказы от трёх тысяч рублей мы привезём бесплатно.';

export const FROM = { name: 'Вестник', address: 'shop@example.com' };
export const SUBJECT = '{{ name }}, новости недели из города {{ attributes.city }}';
export const BODY = [
  'Здравствуйте, {{ name }}!',
  PARAGRAPH,
  'Ваш город: {{ attributes.city }}. Адрес для чеков: {{ email }}.',
  PARAGRAPH,
  'Подробности: https://shop.example.com/news?week=34',
  PARAGRAPH,
  'До встречи, {{ name }}!',
].join('\n\n');

export const CITY = 'Нижний Новгород';
/** The size of Vestnik's letter, with its headers: what smtp-source is told to send. */
export const WIRE_BYTES = 5_500;

export function addressOf(n: number): string {
  return `recipient${n}@example.com`;
}

export function nameOf(n: number): string {
  return `Анна ${n}`;
}

export function fillIn(text: string, n: number): string {
  return text
    .replaceAll('{{ name }}', nameOf(n))
    .replaceAll('{{ email }}', addressOf(n))
    .replaceAll('{{ attributes.city }}', CITY);
}
