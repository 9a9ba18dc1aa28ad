// pure

/** How many of each a user owns. Messages and mailings are counted no further than `COUNT_LIMIT + 1`. */
export interface Belongings {
  recipients: number;
  messages: number;
  mailings: number;
}

export const BELONGINGS = ['recipients', 'messages', 'mailings'] as const satisfies (keyof Belongings)[];
export const NOTHING: Belongings = { recipients: 0, messages: 0, mailings: 0 };
