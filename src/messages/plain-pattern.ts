import { Output, TokenKind, type PropertyAccessToken, type QuotedToken, type Template, type Token } from 'liquidjs';

import type { Attributes } from '../lib/schema-delivery.js';

interface Values {
  email: string;
  name: string;
  attributes: Attributes;
}

/** Fills in a text; `render-message.test.ts` holds it against Liquid itself. */
export interface PlainPattern {
  (values: Values): string;
  parts: readonly Part[];
}

/** What is the same for everybody, or the place of a value. */
export type Part = string | { read: (values: Values) => string | undefined; fallback: string };

/** Liquid gives these words a meaning of their own after a dot. */
const SPECIAL_PROPERTIES = ['size', 'first', 'last'];

/** Undefined where a text has more than the variables `name`, `email`, `attributes.x` and their defaults. */
export function toPlainPattern(templates: Template[]): PlainPattern | undefined {
  const parts: Part[] = [];
  for (const template of templates) {
    const part = toPart(template);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return Object.assign((values: Values) => parts.map((part) => fillPart(part, values)).join(''), { parts });
}

export function fillPart(part: Part, values: Values): string {
  return typeof part === 'string' ? part : part.read(values) || part.fallback;
}

function toPart(template: Template): Part | undefined {
  if (template.token.kind === TokenKind.HTML) return readLiteral(template.token);
  if (!(template instanceof Output)) return undefined;
  const { initial, filters } = template.value;
  const [variable] = initial.postfix;
  const fallback = readFallback(filters);
  if (initial.postfix.length !== 1 || variable === undefined || fallback === undefined) return undefined;
  const read = toReader(variable);
  return read && { read, fallback };
}

function readLiteral(token: Token): string {
  return (token as Token & { getContent(): string }).getContent();
}

function readFallback(filters: Output['value']['filters']): string | undefined {
  const [filter] = filters;
  if (filter === undefined) return '';
  const [argument] = filter.args;
  if (filters.length > 1 || filter.name !== 'default' || filter.args.length !== 1) return undefined;
  return isQuoted(argument) && !argument.content.includes('\\') ? argument.content : undefined;
}

function isQuoted(argument: unknown): argument is QuotedToken {
  return (
    typeof argument === 'object' &&
    argument !== null &&
    'kind' in argument &&
    argument.kind === TokenKind.Quoted &&
    'content' in argument
  );
}

function toReader(token: Token): ((values: Values) => string | undefined) | undefined {
  if (token.kind !== TokenKind.PropertyAccess) return undefined;
  const { variable, props } = token as PropertyAccessToken;
  const path = props.map((prop) => ('content' in prop && typeof prop.content === 'string' ? prop.content : ''));
  if (variable !== undefined || path.includes('') || props.some((prop) => prop.kind !== TokenKind.Word))
    return undefined;
  const [first, second] = path;
  if (path.length === 1 && first === 'name') return (values) => values.name;
  if (path.length === 1 && first === 'email') return (values) => values.email;
  if (path.length !== 2 || first !== 'attributes' || second === undefined || SPECIAL_PROPERTIES.includes(second))
    return undefined;
  return ({ attributes }) => (Object.hasOwn(attributes, second) ? attributes[second] : undefined);
}
