// pure
import { z } from 'zod';

import { multiLine, singleLine } from '../lib/text.js';

export interface Message {
  id: number;
  ownerId: number;
  subject: string;
  body: string;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

/** A message in a list: of the body, which may be long, only the beginning. */
export interface MessageSummary {
  id: number;
  ownerId: number;
  subject: string;
  excerpt: string;
  createdAt: Date;
  updatedAt: Date;
}

export type MessageValues = Pick<Message, 'subject' | 'body'>;

export const MESSAGE_SORTS = ['subject', 'updated'] as const;
/** `written` is for everybody's messages, which have no index for another order. */
export type MessageSort = (typeof MESSAGE_SORTS)[number] | 'written';

const MAX_SUBJECT = 500;
export const MAX_BODY = 1_000_000;

export const messageForm = z.object({
  subject: singleLine(MAX_SUBJECT).refine((text) => text !== '', { error: 'required' }),
  body: multiLine(MAX_BODY).refine((text) => text.trim() !== '', { error: 'required' }),
});
