/** Errors that have an answer of their own over HTTP; everything else is a bug or broken infrastructure and becomes 500. */
export abstract class HttpError extends Error {
  abstract readonly status: 400 | 404 | 413;
  abstract readonly code: 'unreadable' | 'not_found' | 'too_large';
}

/** Also for what belongs to somebody else: whether it exists is not told. */
export class NotFoundError extends HttpError {
  readonly status = 404;
  readonly code = 'not_found';
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
