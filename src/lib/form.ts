import type { Context } from 'hono';
import type { z } from 'zod';

import type { en } from '../locales/en.js';
import { TooLargeError, UnreadableFormError } from './errors.js';

/** A text under common.faults, with what it is to be filled with. */
export interface Fault {
  key: keyof (typeof en)['common']['faults'];
  max?: number;
  detail?: string;
}
export type Faults = Record<string, Fault>;

/** What was typed, by field, so that a form can be shown again as it was. */
export interface FormState {
  typed: Record<string, string>;
  faults: Faults;
}

export const emptyForm: FormState = { typed: {}, faults: {} };

export type Parsed<T> = { ok: true; values: T } | { ok: false; faults: Faults };

/** The fields of a posted form; of repeated ones the last. */
export async function readForm(c: Context): Promise<Record<string, string>> {
  const form = await readFormData(c);
  return Object.fromEntries([...form].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Every value of a repeated field, such as ticked boxes. */
export async function readFormList(c: Context, field: string): Promise<string[]> {
  const form = await readFormData(c);
  return form.getAll(field).filter((value) => typeof value === 'string');
}

export function parseForm<T>(schema: z.ZodType<T>, typed: Record<string, string>): Parsed<T> {
  const result = schema.safeParse(typed);
  if (result.success) return { ok: true, values: result.data };
  const faults: Faults = {};
  for (const issue of result.error.issues) faults[issue.path.join('.')] ??= toFault(issue);
  return { ok: false, faults };
}

function toFault(issue: z.core.$ZodIssue): Fault {
  // The schemas name a text of common.faults as their message; `form.test.ts` walks every schema's faults.
  const key = issue.message as Fault['key'];
  if (issue.code === 'too_small') return { key, max: Number(issue.minimum) };
  return issue.code === 'too_big' ? { key, max: Number(issue.maximum) } : { key };
}

/** Far more than any page sends; reading millions of them would keep everybody else waiting for seconds. */
const MAX_FIELDS = 100_000;

async function readFormData(c: Context): Promise<FormData> {
  const body = Buffer.from(await c.req.arrayBuffer());
  const type = c.req.header('content-type') ?? '';
  const isMultipart = /^multipart\//i.test(type);
  if (hasMoreThan(MAX_FIELDS, body, isMultipart ? '\n--' : '&')) throw new TooLargeError();
  if (!isMultipart) putSpaces(body);
  try {
    return await new Response(body, { headers: { 'content-type': type } }).formData();
  } catch (error) {
    // Another content type, or a body that is not what its own says.
    if (error instanceof TypeError) throw new UnreadableFormError();
    throw error;
  }
}

/** For the space that it stands for. What reads forms takes ten times as long for a plus: of 30 MB of them seconds, in which nobody else is served. */
function putSpaces(body: Buffer): void {
  for (let at = 0; at < body.length; at += 1) if (body[at] === PLUS) body[at] = SPACE;
}

const PLUS = 0x2b;
const SPACE = 0x20;

function hasMoreThan(limit: number, body: Buffer, separator: string): boolean {
  let count = 0;
  for (let at = body.indexOf(separator); at !== -1 && count <= limit; at = body.indexOf(separator, at + 1)) count += 1;
  return count > limit;
}
