// pure
import { z } from 'zod';

import type { Attributes } from '../lib/schema-delivery.js';
import { emailAddress, multiLine, singleLine } from '../lib/text.js';

export interface Recipient {
  id: number;
  ownerId: number;
  email: string;
  name: string;
  comment: string;
  attributes: Attributes;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export type RecipientValues = Pick<Recipient, 'email' | 'name' | 'comment' | 'attributes'>;

export const RECIPIENT_SORTS = ['email', 'name', 'created'] as const;
/** `added` is for everybody's recipients, which have no index for another order. */
export type RecipientSort = (typeof RECIPIENT_SORTS)[number] | 'added';

const MAX_ATTRIBUTES = 50;
const ATTRIBUTE = /^(?<name>[\p{L}_][\p{L}\p{N}_]{0,49})\s*=\s*(?<value>(?:\S.{0,499})?)$/u;

export const recipientForm = z.object({
  email: emailAddress(),
  name: singleLine(200),
  comment: multiLine(5000),
  attributes: multiLine(30_000).refine((text) => parseAttributes(text) !== undefined, {
    error: 'attributes',
    abort: true,
  }),
});

export function toRecipientValues(form: z.infer<typeof recipientForm>): RecipientValues {
  return { ...form, attributes: parseAttributes(form.attributes) ?? {} };
}

/** Lines of the form `city = Kazan`; undefined when a line is none of these. */
export function parseAttributes(text: string): Attributes | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const pairs = lines.map((line) => ATTRIBUTE.exec(line.trim())?.groups);
  if (lines.length > MAX_ATTRIBUTES || pairs.includes(undefined)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair?.['name'] ?? '', (pair?.['value'] ?? '').trim()]));
}

export function formatAttributes(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');
}
