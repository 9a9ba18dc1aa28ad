/** Errors that have an answer of their own over HTTP; everything else is a bug or broken infrastructure and becomes 500. */
export abstract class HttpError extends Error {
  abstract readonly status: 400 | 403 | 404 | 413 | 429;
  abstract readonly code: 'unreadable' | 'forbidden' | 'not_found' | 'too_large' | 'too_many';
}

/** Also for what belongs to somebody else: whether it exists is not told. */
export class NotFoundError extends HttpError {
  readonly status = 404;
  readonly code = 'not_found';
}

/** The visitor may know that it is there, and may not do this. */
export class ForbiddenError extends HttpError {
  readonly status = 403;
  readonly code = 'forbidden';
}

/** Asked too often; nothing was done. */
export class TooManyRequestsError extends HttpError {
  readonly status = 429;
  readonly code = 'too_many';

  /** In seconds from now. */
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super();
    this.retryAfter = retryAfter;
  }
}

/** What was sent is no form: no page of this site sends such a thing. */
export class UnreadableFormError extends HttpError {
  readonly status = 400;
  readonly code = 'unreadable';
}

export class TooLargeError extends HttpError {
  readonly status = 413;
  readonly code = 'too_large';
}

/** Something asked of the store by an id that the owner does not have. */
export function found<T extends object>(thing: T | undefined | 0): T {
  if (!thing) throw new NotFoundError();
  return thing;
}
