// pure
import { z } from 'zod';

import { parseId } from '../lib/ids.js';
import { joinRate, rateFields, type Rate, type RateColumns } from '../lib/rate.js';
import type { MailingAudience, MailingStatus } from '../lib/schema.js';

export type StartFault = 'no_recipients' | 'window_over';

/**
 * A mailing has no name: it goes by its subject, the message's while created and the frozen one from the start on. Its own rate, if it
 * has one, holds for all processes together.
 */
export interface Mailing extends RateColumns {
  id: number;
  ownerId: number;
  messageId: number | null;
  subject: string;
  status: MailingStatus;
  audience: MailingAudience;
  firstSendingAt: Date;
  endsAt: Date;
  startedAt: Date | null;
  /** When the deliveries were made; between the start and this the audience is being frozen. */
  frozenAt: Date | null;
  finishedAt: Date | null;
  /** Why it could not start by itself at its time. */
  startFault: StartFault | null;
  pausedAt: Date | null;
  /** What the mail server said, where Vestnik itself paused it. */
  pauseReason: string | null;
  /** When its owner last went on after that. */
  continuedAt: Date | null;
  stoppedAt: Date | null;
  disabledAt: Date | null;
  disabledByName: string | null;
  disabledReason: string | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface MailingValues {
  messageId: number;
  firstSendingAt: Date;
  endsAt: Date;
  audience: MailingAudience;
  /** Null for no limit of its own. */
  rate: Rate | null;
}

/** The message as it was when the mailing started. */
export interface MailingContent {
  subject: string;
  body: string;
}

/** How many a mailing would go to; inexact where counting was given up. */
export interface AudienceSize {
  count: number;
  exact: boolean;
}

export interface AudienceMember {
  id: number;
  email: string;
  name: string;
  chosen: boolean;
}

export const MAILING_SORTS = ['start', 'created'] as const;
export type MailingSort = (typeof MAILING_SORTS)[number];

export const AUDIENCE_SORTS = ['email'] as const;

export const MAILING_STATUSES = ['created', 'running', 'finished'] as const satisfies MailingStatus[];

/** The states of deliveries that one press makes a new mailing of. */
export const REPEATABLE_STATES = ['in_doubt', 'expired', 'rejected', 'cancelled'] as const;
export type RepeatableState = (typeof REPEATABLE_STATES)[number];

export type MailingState =
  | 'created'
  | 'start_fault'
  | 'preparing'
  | 'running'
  | 'paused'
  | 'disabled'
  | 'stopping'
  | 'finished';

/** What a visitor is told: the status together with the marks on it. */
export function describeMailing(mailing: Mailing): MailingState {
  const { status, startFault, frozenAt, pausedAt, stoppedAt, disabledAt } = mailing;
  if (status === 'finished') return 'finished';
  if (stoppedAt !== null) return 'stopping';
  if (disabledAt !== null) return 'disabled';
  if (status === 'created') return startFault === null ? 'created' : 'start_fault';
  if (pausedAt !== null) return 'paused';
  return frozenAt === null ? 'preparing' : 'running';
}

/** Whether what waits in it, or waits in it again, can still be sent. */
export function isWindowOpen({ frozenAt, stoppedAt, disabledAt, endsAt }: Mailing, now: Date): boolean {
  return frozenAt !== null && stoppedAt === null && disabledAt === null && endsAt > now;
}

/** What it is called in the audit log, which outlives it. */
export function nameMailing({ id, ownerId, subject }: Pick<Mailing, 'id' | 'ownerId' | 'subject'>) {
  return { ownerId, subject: { type: 'mailing', id, name: subject } } as const;
}

/** Whether the worker will start it when its time comes. */
export function startsByItself({ status, startFault, disabledAt }: Mailing): boolean {
  return status === 'created' && startFault === null && disabledAt === null;
}

interface FormContext {
  /** Turns what a field holds into an instant; undefined for what is no time. */
  readStart: (text: string) => Date | undefined;
  readEnd: (text: string) => Date | undefined;
  now: Date;
  /** The start that is saved and may stay although it is past; null where it must be chosen anew. */
  keptStart: Date | null;
}

/**
 * The rules of the form. Times are judged to the minute, which is all that can be typed.
 * No check aborts the others, so that every fault is told at once; of one field the first counts.
 */
export function mailingForm({ readStart, readEnd, now, keptStart }: FormContext) {
  const isAhead = (time: Date) => time >= startOfMinute(now);
  return z
    .object({
      messageId: z.string({ error: 'messageMissing' }).min(1, { error: 'messageMissing' }).transform(parseMessageId),
      firstSendingAt: instant(readStart).refine((time) => time.getTime() === keptStart?.getTime() || isAhead(time), {
        error: 'inThePast',
      }),
      endsAt: instant(readEnd).refine(isAhead, { error: 'inThePast' }),
      audience: z.enum(['all', 'chosen'], { error: 'choice' }),
      ...rateFields,
    })
    .refine(({ firstSendingAt, endsAt }) => endsAt > firstSendingAt, {
      error: 'endBeforeStart',
      path: ['endsAt'],
      when: ({ value }) => hasBothTimes(value),
    })
    .transform(({ letters, per, ...values }) => ({ ...values, rate: joinRate({ letters, per }) }));
}

/** Of a mailing that has started, its rate alone can be changed. */
export const mailingRateForm = z.object(rateFields).transform(joinRate);

const LOCAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/;

function instant(read: (text: string) => Date | undefined) {
  return z
    .string({ error: 'required' })
    .min(1, { error: 'required' })
    .refine((text) => LOCAL_TIME.test(text) && read(text) !== undefined, { error: 'dateTime' })
    .transform((text) => read(text) ?? new Date(Number.NaN));
}

/** What is no id is answered like an id that does not exist. */
function parseMessageId(text: string): number {
  return parseId(text) ?? 0;
}

function startOfMinute(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 60_000) * 60_000);
}

function hasBothTimes(value: unknown): boolean {
  const { firstSendingAt, endsAt } = value as Partial<Record<keyof MailingValues, unknown>>;
  return firstSendingAt instanceof Date && endsAt instanceof Date;
}
